# Program version and git state, refreshed at every build (not only at configure time).
set(MOEWIRE_VERSION_FILE ${PROJECT_BINARY_DIR}/generated/moewire_version.hpp)
add_custom_target(moewire_version_file
    COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D OUTPUT=${MOEWIRE_VERSION_FILE}
            -D VERSION=${PROJECT_VERSION} -D BUILD_TYPE=${CMAKE_BUILD_TYPE}
            -D "COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
            -D "PYTHON=${MOEWIRE_PYTHON_FOUND}"
            -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake
    BYPRODUCTS ${MOEWIRE_VERSION_FILE}
    COMMENT "")
add_library(moewire_version INTERFACE)
add_dependencies(moewire_version moewire_version_file)
target_include_directories(moewire_version INTERFACE ${PROJECT_BINARY_DIR}/generated)
