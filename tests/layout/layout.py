"""What must hold of the layout, read from DESIGN.md and checked against the files. Used by layout_test.py."""

import re
from pathlib import Path

# Which headers belong to which third party.
LIBRARIES = {
    "fmt": r"fmt/", "nlohmann-json": r"nlohmann/", "xxhash": r"xxhash\.h", "MPI": r"mpi\.h", "HDF5": r"hdf5\.h|H5",
    "torch": r"(ATen|torch|c10)/", "CLI11": r"CLI/", "toml++": r"toml\+\+/", "yaml-cpp": r"yaml-cpp/", "pugixml": r"pugixml\.hpp", "PCRE2": r"pcre2", "utf8proc": r"utf8proc",
    "CUDA": r"cuda|cub/|thrust/", "NCCL": r"nccl",
}
SOURCES = ("*.hpp", "*.cpp", "*.cu", "*.cuh")
MOST_LINES = 300


def rooms(root: Path) -> dict:
    """room -> (storey, third parties allowed), from the table in DESIGN.md."""
    found = {}
    for line in (root / "DESIGN.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[0].isdigit():
            name = cells[1].strip("`")
            found[name] = (int(cells[0]), {word.strip() for word in cells[3].split(",")} - {"-"})
    return found


def room_folder(root: Path, room: str) -> Path:
    return root / "bench" if room == "bench" else root / "src" / room


def sources(folder: Path) -> list:
    return sorted(path for pattern in SOURCES for path in folder.rglob(pattern))


def includes(path: Path) -> list:
    return re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def include_violations(root: Path) -> list:
    """Includes of rooms that are not lower, of unknown rooms, and of third parties that a room may not use."""
    table, problems = rooms(root), []
    for room, (storey, allowed) in table.items():
        for path in sources(room_folder(root, room)):
            where = path.relative_to(root)
            for kind, name in includes(path):
                other = name.split("/")[0]
                if kind == '"' and name == "moewire_version.hpp":
                    continue
                if kind == '"' and other not in table:
                    problems.append(f"{where} includes {name}, which is in no room")
                elif kind == '"' and other != room and table[other][0] >= storey:
                    problems.append(f"{where} (room {room}, storey {storey}) includes {name} (storey {table[other][0]})")
                if kind == "<":
                    for library, pattern in LIBRARIES.items():
                        if re.match(pattern, name) and library not in allowed:
                            problems.append(f"{where} includes <{name}>: {library} is not allowed in room {room}")
    return problems


def door_violations(root: Path) -> list:
    """`model/trainable.hpp` names torch types: only the train room (and the model itself) opens that door."""
    return [f"{path.relative_to(root)} includes model/trainable.hpp (only src/train and src/model may)"
            for folder in (root / "src", root / "bench") for path in sources(folder)
            if path.relative_to(root).parts[:2] not in (("src", "train"), ("src", "model")) and ('"', "model/trainable.hpp") in includes(path)]


def room_violations(root: Path) -> list:
    table = rooms(root)
    folders = {path.name for path in (root / "src").iterdir() if path.is_dir()} | {"bench"}
    return ([f"src/{name} is no room of DESIGN.md" for name in sorted(folders - set(table))] +
            [f"DESIGN.md names the room {name}, which has no folder" for name in sorted(set(table) - folders)])


def catalogue_violations(root: Path, listing: dict) -> list:
    """`listing`: what `moewire list --json` says. Catalogue names are folders; registered names are file stems."""
    problems, named = [], set()
    for catalogue, entries in listing.items():
        folder = root / catalogue if catalogue.startswith("bench/") else root / "src" / catalogue
        if not folder.is_dir():
            continue  # models and texts are no code
        named.add(folder)
        stems = {path.stem for path in folder.iterdir() if path.suffix in (".cpp", ".cu")}
        problems += [f"{catalogue}/{stem} registers nothing of its name" for stem in sorted(stems - set(entries))]
        problems += [f"{catalogue}: '{name}' is registered, but no file has that name" for name in sorted(set(entries) - stems)]
    folders = {path for room in rooms(root) for path in room_folder(root, room).iterdir() if path.is_dir()}
    code = {path for path in folders if sources(path)}
    problems += [f"{path.relative_to(root)} is a plural folder that `moewire list` does not show" for path in sorted(code - named)]
    return problems


def path_violations(root: Path, document: str) -> list:
    """Paths in back-ticks that do not exist. A path has a slash or a known ending, and no space or placeholder."""
    problems = []
    for word in re.findall(r"`([^`\n]+)`", (root / document).read_text()):
        is_path = re.fullmatch(r"[\w.][\w./*-]*", word) and ("/" in word or re.search(r"\.(md|py|sh|txt|hpp|cpp|cmake|toml)$", word))
        if not is_path or word.startswith(("build/", "runs/", "measured/", "predicted/", "router/", ".cache", ".venv")):
            continue
        if not any((base / word).exists() or list(base.glob(word.rstrip("/"))) for base in (root, root / "src")):
            problems.append(f"{document} names {word}, which does not exist")
    return problems


def style_violations(root: Path) -> list:
    problems = []
    for path in sources(root / "src") + sources(root / "bench"):
        text, where = path.read_text(), path.relative_to(root)
        lines = text.count("\n")
        if lines > MOST_LINES:
            problems.append(f"{where} has {lines} lines (at most {MOST_LINES})")
        if path.suffix == ".hpp" and not text.startswith("//"):
            problems.append(f"{where} does not open with the question that it answers")
        if re.search(r"\bgetenv\(", text) and path.name != "environment.cpp":
            problems.append(f"{where} reads the environment (only src/system/environment.cpp may)")
        if re.search(r"\b(_Exit|exit|abort)\(", re.sub(r"//.*|\"[^\"]*\"|\.exit\(|\.abort\(|::abort\(", "", text)) and path.name not in (
                "session.cpp", "session.hpp", "watchdog.cpp", "heartbeat.cpp"):
            problems.append(f"{where} ends the program (throw an Error instead)")
    return problems
