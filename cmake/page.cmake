# moewire_page_files(TARGET FOLDER): every file of FOLDER as text inside the program (report/page_files.hpp).
function(moewire_page_files target folder)
    file(GLOB files CONFIGURE_DEPENDS ${folder}/*)
    list(SORT files)
    set(entries "")
    foreach(file IN LISTS files)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        get_filename_component(name ${file} NAME)
        file(READ ${file} content)
        string(APPEND entries "        {\"${name}\", R\"moewire_page(${content})moewire_page\"},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/page_files.cpp @ONLY CONTENT
"// Written by cmake/page.cmake.
#include \"report/page_files.hpp\"

namespace moewire {

std::vector<std::pair<std::string_view, std::string_view>> const& page_files() {
    static std::vector<std::pair<std::string_view, std::string_view>> const files{
@entries@    };
    return files;
}

}  // namespace moewire
")
    target_sources(${target} PRIVATE ${PROJECT_BINARY_DIR}/generated/page_files.cpp)
endfunction()
