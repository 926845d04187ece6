# What may be chosen at configure time.
option(MOEWIRE_BUILD_TESTS "Build the test suite" ON)
option(MOEWIRE_WERROR "Treat warnings as errors" OFF)
option(MOEWIRE_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(MOEWIRE_FUZZ "Build the fuzzers of tests/fuzz instead of the tests (clang only)" OFF)
option(MOEWIRE_TIDY "Run clang-tidy on every compiled file" OFF)
set(MOEWIRE_TORCH_DIR "" CACHE PATH "Folder of the torch package (holds include/ and lib/); empty: ask MOEWIRE_PYTHON")
set(MOEWIRE_PYTHON "" CACHE FILEPATH "Python that owns torch and draws the figures; empty: .venv, then python3")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# ccache makes a second build quick; precompiled headers need the two sloppiness settings.
find_program(MOEWIRE_CCACHE ccache)
if(MOEWIRE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_COMPILERCHECK=content
        ${MOEWIRE_CCACHE})
endif()

add_library(moewire_flags INTERFACE)
target_compile_options(moewire_flags INTERFACE
                       $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow=local;-Wnon-virtual-dtor>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees overlaps in std::string's own code when it optimises (its bug 105651).
    target_compile_options(moewire_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(MOEWIRE_WERROR)
    target_compile_options(moewire_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(MOEWIRE_SANITIZE)
    target_compile_options(
        moewire_flags INTERFACE
        $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-omit-frame-pointer;-fno-sanitize-recover=undefined>)
    target_link_options(moewire_flags INTERFACE -fsanitize=address,undefined)
endif()
if(MOEWIRE_FUZZ)
    target_compile_options(
        moewire_flags INTERFACE
        $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link,address,undefined;-fno-sanitize-recover=undefined;-g1>)
    target_link_options(moewire_flags INTERFACE -fsanitize=address,undefined)
endif()
if(MOEWIRE_TIDY)
    # Before 15, clang cannot read GCC's <source_location>.
    find_program(MOEWIRE_CLANG_TIDY NAMES clang-tidy-19 clang-tidy-18 clang-tidy-17 clang-tidy-16 clang-tidy-15 clang-tidy REQUIRED)
    set(CMAKE_CXX_CLANG_TIDY ${MOEWIRE_CLANG_TIDY} --quiet --extra-arg=-Wno-unknown-warning-option
                             --extra-arg=-Wno-unused-command-line-argument)
    set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)  # clang reads none of GCC's
endif()

# CUDA sources (src/**/*.cu) go into a shared library of their own, built where a toolkit is; without one it is left
# out, and nothing else changes.
file(GLOB_RECURSE MOEWIRE_CUDA_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cu)
if(MOEWIRE_CUDA_SOURCES)
    include(CheckLanguage)
    check_language(CUDA)
    if(CMAKE_CUDA_COMPILER)
        # Hopper and later, and PTX for what comes after: a machine that compiles need not have the device.
        set(CMAKE_CUDA_ARCHITECTURES 90 CACHE STRING "CUDA architectures")
        enable_language(CUDA)
        set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")  # CMake 3.25 knows CUDA up to C++17
    endif()
endif()
