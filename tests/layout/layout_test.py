"""The house keeps its fences: storeys, third parties, catalogues, paths of the documents."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import layout

ROOT = Path(os.environ["MOEWIRE_HOME"])


class TheHouse(unittest.TestCase):
    def assert_none(self, problems):
        self.assertEqual(problems, [], "\n" + "\n".join(problems))

    def test_rooms_are_those_of_the_design(self):
        self.assertGreater(len(layout.rooms(ROOT)), 10)
        self.assert_none(layout.room_violations(ROOT))

    def test_includes_go_downwards_and_libraries_stay_inside(self):
        self.assert_none(layout.include_violations(ROOT))
        self.assert_none(layout.door_violations(ROOT))

    def test_catalogues_are_their_files(self):
        listing = json.loads(subprocess.run([os.environ["MOEWIRE_PROGRAM"], "list", "--json"], check=True, capture_output=True, text=True).stdout)
        self.assertIn("assignment/strategies", listing)
        self.assert_none(layout.catalogue_violations(ROOT, listing))

    def test_documents_name_paths_that_exist(self):
        for document in ("DESIGN.md", "README.md", "CONTRIBUTING.md"):
            self.assert_none(layout.path_violations(ROOT, document))

    def test_files_keep_the_style(self):
        self.assert_none(layout.style_violations(ROOT))


class TheChecker(unittest.TestCase):
    """A checker that finds nothing in a broken house would be worth nothing."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.root = Path(self.scratch.name)
        self.write("DESIGN.md", "| 0 | `base` | words? | fmt |\n| 1 | `system` | who? | MPI, fmt |\n| 8 | `bench` | run? | CLI11 |\n")
        self.write("src/base/a.hpp", "// What is a?\n")
        self.write("src/system/b.cpp", '#include "base/a.hpp"\n#include <mpi.h>\n')
        self.write("bench/main.cpp", '#include "system/b.hpp"\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_a_sound_house_passes(self):
        self.assertEqual(layout.include_violations(self.root) + layout.room_violations(self.root), [])
        self.assertEqual(layout.style_violations(self.root), [])

    def test_an_upward_include_is_found(self):
        self.write("src/base/a.hpp", '// What is a?\n#include "system/b.hpp"\n')
        self.assertIn("src/base/a.hpp (room base, storey 0) includes system/b.hpp (storey 1)", layout.include_violations(self.root))

    def test_a_library_outside_its_room_is_found(self):
        self.write("src/base/c.cpp", "#include <mpi.h>\n")
        self.assertIn("src/base/c.cpp includes <mpi.h>: MPI is not allowed in room base", layout.include_violations(self.root))

    def test_the_torch_door_is_for_one_room(self):
        self.write("src/train/d.cpp", '#include "model/trainable.hpp"\n')
        self.assertEqual(layout.door_violations(self.root), [])
        self.write("bench/e.cpp", '#include "model/trainable.hpp"\n')
        self.assertEqual(len(layout.door_violations(self.root)), 1)

    def test_a_strange_room_is_found(self):
        self.write("src/attic/d.cpp", "")
        self.assertIn("src/attic is no room of DESIGN.md", layout.room_violations(self.root))

    def test_catalogue_files_and_names_must_agree(self):
        self.write("src/base/fruits/apple.cpp", "")
        self.assertEqual(layout.catalogue_violations(self.root, {"base/fruits": {"apple": ""}}), [])
        self.assertEqual(len(layout.catalogue_violations(self.root, {"base/fruits": {"pear": ""}})), 2)
        self.assertEqual(len(layout.catalogue_violations(self.root, {})), 1)

    def test_a_path_that_is_gone_is_found(self):
        self.write("README.md", "see `src/base/a.hpp`, `base/a.hpp` and `src/base/gone.hpp`\n")
        self.assertEqual(layout.path_violations(self.root, "README.md"), ["README.md names src/base/gone.hpp, which does not exist"])

    def test_long_files_silent_headers_and_wild_exits_are_found(self):
        self.write("src/base/e.hpp", "#pragma once\n" + "\n" * 400)
        self.write("src/base/f.cpp", 'void f() { std::getenv("X"); std::exit(1); }\n')
        self.assertEqual(len(layout.style_violations(self.root)), 4)


if __name__ == "__main__":
    unittest.main()
