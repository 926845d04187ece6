# Tests mirror src/ and bench/: tests/<room>/x_test.cpp tests src/<room>/x.cpp. Drop a file in and it is built.
#
# One program a room from its *_test.cpp (one process), and one from its *_ranks_test.cpp, which mpirun starts at
# 1, 2 and 4 ranks. Every test has a timeout: a hang is how multi-rank tests fail.
set(MOEWIRE_RANK_COUNTS 1 2 4)
set(MOEWIRE_TEST_TIMEOUT_S 240)
set(MOEWIRE_PROGRAM_TEST_TIMEOUT_S 600)  # many starts of the program, each with its own limit
if(MOEWIRE_SANITIZE)
    set(MOEWIRE_TEST_TIMEOUT_S 800)
endif()

set(moewire_test_environment
    "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_rmaps_base_oversubscribe=1"
    "OMPI_MCA_mpi_yield_when_idle=1;OMPI_MCA_hwloc_base_binding_policy=none"
    # MPI's own start-up allocations and Python's are not ours to free.
    "ASAN_OPTIONS=detect_leaks=0"
    "MOEWIRE_HOME=${PROJECT_SOURCE_DIR};MOEWIRE_PROGRAM=$<TARGET_FILE:moewire>"
    "MOEWIRE_FIXTURES=${PROJECT_SOURCE_DIR}/tests/fixtures")

function(moewire_test_program name)
    add_executable(${name} ${ARGN})
    moewire_program(${name})
    target_link_libraries(${name} PRIVATE moewire_test_support GTest::gtest)
    target_precompile_headers(${name} REUSE_FROM moewire_test_support)
endfunction()

function(moewire_set_test name)
    set_tests_properties(${name} PROPERTIES TIMEOUT ${MOEWIRE_TEST_TIMEOUT_S}
                         ENVIRONMENT "${moewire_test_environment}" ${ARGN})
endfunction()

function(moewire_room_tests room)
    file(GLOB single CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*_test.cpp
                                       ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*/*_test.cpp)
    set(ranked ${single})
    list(FILTER single EXCLUDE REGEX "_ranks_test\\.cpp$")
    list(FILTER ranked INCLUDE REGEX "_ranks_test\\.cpp$")
    if(single)
        moewire_test_program(${room}_tests ${single})
        add_test(NAME ${room} COMMAND ${room}_tests)
        moewire_set_test(${room} LABELS unit)
    endif()
    if(ranked)
        moewire_test_program(${room}_ranks_tests ${ranked})
        foreach(ranks ${MOEWIRE_RANK_COUNTS})
            add_test(NAME ${room}.np${ranks}
                     COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none --timeout ${MOEWIRE_TEST_TIMEOUT_S}
                             ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${room}_ranks_tests>)
            moewire_set_test(${room}.np${ranks} LABELS ranks PROCESSORS 2)
        endforeach()
    endif()
endfunction()

# A test written in Python (unittest): programs from outside, the layout, the scripts.
function(moewire_python_test name file)
    add_test(NAME ${name} COMMAND ${MOEWIRE_PYTHON_FOUND} ${CMAKE_CURRENT_SOURCE_DIR}/${file} -v)
    moewire_set_test(${name} LABELS program PROCESSORS 2 TIMEOUT ${MOEWIRE_PROGRAM_TEST_TIMEOUT_S} ${ARGN})
endfunction()
