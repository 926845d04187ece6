"""Writes the inputs that fuzzing starts from: python tests/fuzz/make_seeds.py FOLDER (needs nothing but the fixtures).

One folder a harness, from the recorded fixtures: files as they are where they are small, tokenizers also cut to a
few tokens, and packed folders of an index with its shards (the format of tests/fuzz/packed.hpp).
"""

import json
import shutil
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
MOST_BYTES = 32_000  # of a seed: fuzzing large files is slow and finds no more


def safetensors(tensors, metadata=None):
    """The bytes of a file with these tensors: name -> (dtype, shape, bytes)."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += bytes(i % 251 for i in range(size))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def pack(files):
    """Index and shards as one input: number of the name, length, content."""
    names = ["model.safetensors.index.json", "a.safetensors", "b.safetensors", "c.safetensors", "model.safetensors"]
    return b"".join(struct.pack("<BI", names.index(name), len(content)) + content for name, content in files.items())


def packed_folders():
    a = safetensors({"x.weight": ("F32", [2, 2], 16), "y.weight": ("BF16", [3], 6)}, {"format": "pt"})
    b = safetensors({"x.bias": ("F16", [2], 4), "empty": ("F32", [0, 7], 0)})
    weight_map = {"x.weight": "a.safetensors", "y.weight": "a.safetensors", "x.bias": "b.safetensors", "empty": "b.safetensors"}
    index = lambda listed, total: json.dumps({"metadata": {"total_size": total}, "weight_map": listed}).encode()
    yield pack({"model.safetensors.index.json": index(weight_map, 26), "a.safetensors": a, "b.safetensors": b})
    yield pack({"model.safetensors.index.json": index(weight_map, 26), "a.safetensors": a})
    yield pack({"model.safetensors.index.json": index({"x.weight": "a.safetensors"}, 1), "a.safetensors": a})
    yield pack({"model.safetensors.index.json": index(weight_map, 26), "a.safetensors": a, "b.safetensors": a})
    yield pack({"model.safetensors": a})
    yield pack({"model.safetensors": b, "model.safetensors.index.json": b"{}"})


def cut_tokenizer(tokenizer):
    """The same components over a small vocabulary."""
    model = tokenizer["model"]
    ids = sorted(model["vocab"].items(), key=lambda entry: entry[1])
    added = {token["content"] for token in tokenizer.get("added_tokens") or []}
    kept = {token for token, _ in ids if token in added or len(token) == 1 and token in "aehtoĠ▁ 1.é" or token == "<unk>"}
    merges = []
    for merge in model["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        if left in kept and right in kept and len(merges) < 12:
            merges.append(merge)
            kept.add(left + right)
    order = [token for token, _ in ids if token in kept and token not in added]
    inside = [token for token, _ in ids if token in added]
    vocabulary = {token: i for i, token in enumerate(order + inside)}
    outside = len(vocabulary)
    for token in tokenizer.get("added_tokens") or []:
        if token["content"] in vocabulary:
            token["id"] = vocabulary[token["content"]]
        else:
            token["id"], outside = outside, outside + 1
    model["vocab"], model["merges"] = vocabulary, merges
    return tokenizer


MATRICES = ["100  200  150\n50   100  75\n300  150  200\n", "64", "\n 1e3\t0x20 \r\n\n+48.9 -0\v\n", "0 1600\n320 64\n", "1 2\n3\n", "1,2\n3,4\n",
            "# bytes\n16 16\n16 16\n", "1 -16\n2 3\n", "nan inf\n1e999 1e-400\n", "16 16 16\n16 16 16\n", "1125899906842624"]


def seeds():
    """(harness, name, bytes) of every seed."""
    for path in sorted(FIXTURES.glob("checkpoint/**/*.safetensors")):
        yield "safetensors", f"{path.parent.name}-{path.stem}", path.read_bytes()
    for path in sorted(FIXTURES.glob("models/*/*.safetensors")):
        yield "safetensors", f"{path.parent.name}-{path.stem}", path.read_bytes()
    for i, packed in enumerate(packed_folders()):
        yield "index", f"packed-{i}", packed
    for name, case in json.loads((FIXTURES / "checkpoint" / "configs.json").read_text())["cases"].items():
        yield "config", name, json.dumps(case["config"]).encode()
    for path in sorted([*FIXTURES.glob("models/*/config.json"), *ROOT.glob("models/*/config.json")]):
        yield "config", path.parent.name, path.read_bytes()
    for i, matrix in enumerate(MATRICES):
        yield "matrix", f"matrix-{i}", matrix.encode()
    for path in sorted(FIXTURES.glob("tokenizers/*.json")):
        if path.name.endswith(".pairs.json"):
            continue
        yield "tokenizer", path.stem, path.read_bytes()
        small = json.dumps(cut_tokenizer(json.loads(path.read_text())), ensure_ascii=False)
        yield "tokenizer", f"{path.stem}-small", small.encode() + b"\0the  hat\xc3\xa9 <s>1.\n"


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    for harness, name, content in seeds():
        if len(content) > MOST_BYTES:
            continue
        (out / harness).mkdir(parents=True, exist_ok=True)
        (out / harness / name).write_bytes(content)


if __name__ == "__main__":
    main()
