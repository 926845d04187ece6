# Where are the libraries? System packages, and libtorch from the Python wheel by imported targets of our own:
# the wheel's find_package(Torch) stops on machines without a CUDA toolkit.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)

find_package(MPI REQUIRED COMPONENTS CXX)
target_compile_definitions(MPI::MPI_CXX INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)

find_path(MOEWIRE_XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(moewire_xxhash INTERFACE)
target_include_directories(moewire_xxhash SYSTEM INTERFACE ${MOEWIRE_XXHASH_INCLUDE})

# Header-only: one file uses it, and no shared library must then be found at run time.
find_path(MOEWIRE_TOML_INCLUDE toml++/toml.h REQUIRED)
add_library(moewire_toml INTERFACE)
target_include_directories(moewire_toml SYSTEM INTERFACE ${MOEWIRE_TOML_INCLUDE})
target_compile_definitions(moewire_toml INTERFACE TOML_HEADER_ONLY=1)

# Static where the archive is there: the binary then runs on machines without these packages.
function(moewire_find_c_library target header)
    find_path(${target}_include ${header} REQUIRED)
    find_library(${target}_library NAMES ${ARGN} REQUIRED)
    add_library(${target} INTERFACE)
    target_include_directories(${target} SYSTEM INTERFACE ${${target}_include})
    target_link_libraries(${target} INTERFACE ${${target}_library})
endfunction()
moewire_find_c_library(moewire_pcre2 pcre2.h libpcre2-8.a pcre2-8)
moewire_find_c_library(moewire_utf8proc utf8proc.h libutf8proc.a utf8proc)
moewire_find_c_library(moewire_yaml yaml-cpp/yaml.h libyaml-cpp.a yaml-cpp)
moewire_find_c_library(moewire_pugixml pugixml.hpp libpugixml.a pugixml)
target_compile_definitions(moewire_pcre2 INTERFACE PCRE2_CODE_UNIT_WIDTH=8)
target_compile_definitions(moewire_utf8proc INTERFACE UTF8PROC_STATIC)

# Torch's own loops are OpenMP's; ours share its threads. The fuzzers run no model, and their clang often has no OpenMP.
add_library(moewire_openmp INTERFACE)
if(NOT MOEWIRE_FUZZ)
    find_package(OpenMP REQUIRED COMPONENTS CXX)
    target_link_libraries(moewire_openmp INTERFACE OpenMP::OpenMP_CXX)
endif()

# Python: owner of torch, and what draws the figures.
set(MOEWIRE_PYTHON_FOUND ${MOEWIRE_PYTHON})
if(NOT MOEWIRE_PYTHON_FOUND AND EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
    set(MOEWIRE_PYTHON_FOUND ${PROJECT_SOURCE_DIR}/.venv/bin/python)
endif()
if(NOT MOEWIRE_PYTHON_FOUND)
    find_program(MOEWIRE_PYTHON3 python3 REQUIRED)
    set(MOEWIRE_PYTHON_FOUND ${MOEWIRE_PYTHON3})
endif()

set(torch_dir ${MOEWIRE_TORCH_DIR})
if(NOT torch_dir)
    execute_process(
        COMMAND ${MOEWIRE_PYTHON_FOUND} -c
                "import importlib.util as u; print(list(u.find_spec('torch').submodule_search_locations)[0])"
        OUTPUT_VARIABLE torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT EXISTS ${torch_dir}/lib/libtorch_cpu.so)
    message(FATAL_ERROR "no torch found (looked in '${torch_dir}'); run scripts/setup.sh, or name the folder that "
                        "holds torch's include/ and lib/ with -D MOEWIRE_TORCH_DIR=...")
endif()
message(STATUS "torch: ${torch_dir}")

add_library(moewire_torch INTERFACE)
# Behind the system's own headers: the wheel brings copies of fmt and others, which our libraries do not match.
target_compile_options(moewire_torch INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${torch_dir}/include>"
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${torch_dir}/include/torch/csrc/api/include>")
target_link_directories(moewire_torch INTERFACE ${torch_dir}/lib)
target_link_libraries(moewire_torch INTERFACE ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so)
add_library(moewire_torch_cuda INTERFACE)
target_link_libraries(moewire_torch_cuda INTERFACE moewire_torch ${torch_dir}/lib/libtorch_cuda.so
                                                   ${torch_dir}/lib/libc10_cuda.so)
# The runtime that the wheel loads: two of them in one process would not know each other's streams.
file(GLOB cuda_runtime ${torch_dir}/../nvidia/*/lib/libcudart.so.*)
target_link_libraries(moewire_torch_cuda INTERFACE ${cuda_runtime})
# The NCCL that torch uses, for the same reason; a torch built on its own brings headers of it elsewhere.
file(GLOB nccl_library ${torch_dir}/../nvidia/nccl/lib/libnccl.so.2)
target_link_libraries(moewire_torch_cuda INTERFACE ${nccl_library})
target_include_directories(moewire_torch_cuda SYSTEM INTERFACE ${torch_dir}/../nvidia/nccl/include)
# The wheel's libraries find their own neighbours; the program finds the wheel.
set(CMAKE_BUILD_RPATH ${torch_dir}/lib)
