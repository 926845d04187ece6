#!/usr/bin/env python3
"""Make a BPE tokenizer from a text: tokenizer.json as the tokenizers library writes it.

    train_tokenizer.py --kind byte_level|sentencepiece --vocabulary 4096 --text FILE --output tokenizer.json
"""

import argparse
import json
import sys
from pathlib import Path

LONGEST_TOKEN = 16  # characters, of sentencepiece: longer ones are whole phrases


def byte_level(vocabulary):
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<|endoftext|>", "<|padding|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return tokenizer, trainer, lambda done: done


def sentencepiece(vocabulary):
    """Words are split while merges are learned; afterwards the file has no pre-tokenizer, as SentencePiece's have none."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="never", split=True)
    words = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=words, show_progress=False, max_token_length=LONGEST_TOKEN)

    def finish(done):
        done.pre_tokenizer = None
        content = json.loads(done.to_str())
        content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
        done = Tokenizer.from_str(json.dumps(content))
        done.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", done.token_to_id("<s>"))])
        return done

    return tokenizer, trainer, finish


KINDS = {"byte_level": byte_level, "sentencepiece": sentencepiece}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=tuple(KINDS), required=True)
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        tokenizer, trainer, finish = KINDS[arguments.kind](arguments.vocabulary)
    except ImportError as missing:
        sys.exit(f"train_tokenizer.py: {missing}; run scripts/setup.sh")
    with open(arguments.text, encoding="utf-8", newline="") as text:
        tokenizer.train_from_iterator(text, trainer)
    finish(tokenizer).save(str(arguments.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
