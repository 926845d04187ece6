# moewire_room(NAME [USES room...] [LIBRARIES lib...] [PRIVATE_LIBRARIES lib...] [PRECOMPILE header...] [CATALOGUE])
#
# One static library moewire_NAME from every .cpp below src/NAME. LIBRARIES are seen by users of the room,
# PRIVATE_LIBRARIES only inside it.
#
# moewire_program(NAME) links a program with all rooms and keeps the registrations of catalogue rooms: a plain
# static library would drop the files that nobody calls.
add_library(moewire_all INTERFACE)

function(moewire_room name)
    cmake_parse_arguments(ROOM "CATALOGUE" "" "USES;LIBRARIES;PRIVATE_LIBRARIES;PRECOMPILE" ${ARGN})
    set(target moewire_${name})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/src/gpu/cuda_[a-z]+\\.cpp$")  # of the CUDA library
    if(NOT sources)
        message(FATAL_ERROR "room ${name} has no source file below src/${name}")
    endif()
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    # Registrations carry the file's path; relative to the repository it is the same on every machine.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>)
    list(TRANSFORM ROOM_USES PREPEND moewire_)
    target_link_libraries(${target} PUBLIC ${ROOM_USES} ${ROOM_LIBRARIES} PRIVATE moewire_flags ${ROOM_PRIVATE_LIBRARIES})
    if(ROOM_PRECOMPILE)
        target_precompile_headers(${target} PRIVATE ${ROOM_PRECOMPILE})
        target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
    endif()
    target_link_libraries(moewire_all INTERFACE ${target})
    if(ROOM_CATALOGUE)
        set_property(GLOBAL APPEND PROPERTY moewire_catalogue_rooms ${target})
    endif()
endfunction()

function(moewire_program name)
    get_property(rooms GLOBAL PROPERTY moewire_catalogue_rooms)
    list(JOIN rooms "," rooms)
    target_link_libraries(${name} PRIVATE moewire_all moewire_flags)
    set_target_properties(${name} PROPERTIES LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,${rooms}")
endfunction()
