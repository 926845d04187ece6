# Writes OUTPUT when the version or the git state changed. Run by `cmake -P`.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE state OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
    set(state "unknown")
endif()
set(text "// Written by cmake/write_version.cmake.
#pragma once
#define MOEWIRE_VERSION \"${VERSION}\"
#define MOEWIRE_GIT_STATE \"${state}\"
#define MOEWIRE_BUILD_TYPE \"${BUILD_TYPE}\"
#define MOEWIRE_COMPILER \"${COMPILER}\"
#define MOEWIRE_SOURCE_DIR \"${SOURCE}\"
#define MOEWIRE_DEFAULT_PYTHON \"${PYTHON}\"
")
set(old "")
if(EXISTS ${OUTPUT})
    file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
    file(WRITE ${OUTPUT} "${text}")
endif()
