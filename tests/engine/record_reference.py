"""Record what other programs make of SmolLM2's file, for test_tokenizer.py and test_forward.py to compare with.

Not a test and not needed by one: the recorded vectors are part of the repository. To record them anew, in an
environment of its own (torch is large):

    python -m venv /tmp/reference && /tmp/reference/bin/pip install torch transformers tokenizers gguf
    /tmp/reference/bin/python tests/engine/record_reference.py SmolLM2-135M-Instruct.Q4_1.gguf

Tokens come from Hugging Face's `tokenizers` with the vocabulary and merges of the file and the steps that
SmolLM2's tokenizer.json names: single digits cut off first, then GPT-2's pattern on bytes. (What transformers
makes of a GGUF vocabulary forgets the digits.) Logits come from transformers' Llama in float32.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).with_name("reference")

TEXTS = {
    "plain": "What is the height of Mirela Thornquist in centimetres?",
    "contractions": "I'm sure they'll say it's fine; we've seen it, don't you think? HE'LL, WE'VE'S",
    "digits": "In 1987 she earned 1234567.89, then 0 and 00 and 3.14e-10.",
    "digits touching": "a1b22c333 x2y 7up 4x4 1st2nd",
    "spaces before digits": "no 1 two  2 three   3 four    4\t5\n6\n 7 \n8",
    "spaces at the ends": "   both ends   ",
    "runs of white space": "a  b   c\t\td\n\n\ne \n \n f\r\ng\v\fh",
    "only spaces": "        ",
    "only newlines": "\n\n\n",
    "unicode spaces": "a\u00a0b\u2003c\u3000d\u200be\u202ff\u2028g",
    "accents": "Café naïve Ærøskøbing Łódź Ångström ﬁne e\u0301 n\u0303",
    "cyrillic and greek": "Россия живёт, Ωμέγα και άλφα",
    "chinese": "她住在奥斯特里亚的一座小城,身高一百七十八厘米。",
    "japanese": "東京タワーは333メートルです。",
    "korean": "안녕하세요, 이름이 뭐예요?",
    "arabic and hebrew": "كم عمر ليلى؟ שלום עולם",
    "hindi and thai": "उसकी उम्र कितनी है? เธออายุเท่าไหร่",
    "numerals of other scripts": "٣٤٥ ४५६ Ⅻ ½ ² ① 〇 五",
    "emoji": "Well done 👍🏽! 🇨🇭 👩‍👩‍👧‍👦 ❤️ 🧑🏿‍🚀 1️⃣",
    "code": 'def area(r: float) -> float:\n    """π r²"""\n    return 3.14159 * r**2  # m^2\n\n\tif (x[0] != y) {z += 1;}',
    "json": '{"messages": [{"role": "user", "content": "a\\nb"}], "n": [1, 2.50, -3e5, null]}',
    "urls": "https://example.org/path?q=1&r=%20a#frag mailto:someone@example.org",
    "punctuation": "!!! ??? ... --- «quoted» “curly” ‘single’ – — … (a)[b]{c}<d>",
    "markup spelled out": "an <|im_start|>assistant<|im_end|> and an <|endoftext|> in the text",
    "long word": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "control characters": "a\x00b\x07c\x1b[31md\x7fe",
    "one letter": "a",
    "empty": "",
    "quotes and s": "the Smiths' dogs' tails 's 't 're 'x ''s",
    "money and units": "$42,000 €9.99 £5 12°C 5' 11\" 180cm 65kg 99%",
    "combining numbers": "x₁ + y₂ = z³, 10⁻⁶",
    "mathematics": "∀x∈ℝ: x² ≥ 0 ⇒ √x ∈ ℂ",
    "private and rare": "\ue000 \U0001d518\U0001d52b\U0001d526 \U000e0041 \ufeffbom",
}

SYSTEM = "Answer as briefly as you can."
CHATS: dict[str, list[dict[str, str]]] = {
    "capital": [{"role": "user", "content": "What is the capital of France?"}],
    "system": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "How many days has a week?"},
    ],
    "turns": [
        {"role": "user", "content": "My name is Oduya and I was born in 1961."},
        {"role": "assistant", "content": "Nice to meet you, Oduya."},
        {"role": "user", "content": "In which year was I born? Give the number alone."},
    ],
    "unicode": [{"role": "user", "content": "Übersetze ins Englische: „Der Käse riecht nach Füßen.“ 🧀"}],
    "long": [
        {
            "role": "user",
            "content": "Here is a list of towns and of how many people live in them. "
            + " ".join(f"Town number {n} is called Vel{'aeiou'[n % 5]}rra {n * 37} and {n * 1009} live there." for n in range(5))
            + " Which town is the largest?",
        }
    ],
}  # fmt: skip
TOP = 20
NEW_TOKENS = 8


def write(name: str, content: dict[str, Any]) -> None:
    REFERENCE.mkdir(exist_ok=True)
    path = REFERENCE / f"{name}.json"
    path.write_text(json.dumps(content, ensure_ascii=True, indent=None, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size:,} bytes", file=sys.stderr)


def reference_tokenizer(weights: Path) -> Any:
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    fields = GGUFReader(str(weights)).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind != 1]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer


def chat_text(messages: list[dict[str, str]]) -> str:
    turns = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return turns + "<|im_start|>assistant\n"


def record_tokens(tokenizer: Any, source: dict[str, str]) -> None:
    # Control tokens spelled out in a text stay text with us, so the reference reads the parts between their signs.
    texts = []
    for name, text in TEXTS.items():
        tokenizer.encode_special_tokens = True
        texts.append({"name": name, "text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids})
    tokenizer.encode_special_tokens = False
    chats = [
        {"name": name, "messages": messages, "ids": tokenizer.encode(chat_text(messages), add_special_tokens=False).ids}
        for name, messages in CHATS.items()
    ]
    write("tokens", {**source, "texts": texts, "chats": chats})


def record_logits(weights: Path, tokenizer: Any, source: dict[str, str]) -> None:
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(
        str(weights.parent), gguf_file=weights.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    records = []
    for name, messages in CHATS.items():
        ids = tokenizer.encode(chat_text(messages), add_special_tokens=False).ids
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
            greedy = list(ids)
            for _ in range(NEW_TOKENS):
                greedy.append(int(model(torch.tensor([greedy])).logits[0, -1].argmax()))
        positions = []
        for at in sorted({0, 1, len(ids) // 3, 2 * len(ids) // 3, len(ids) - 1}):
            top = logits[at].topk(TOP)
            positions.append(
                {
                    "at": at,
                    "ids": top.indices.tolist(),
                    "logits": [round(value, 5) for value in top.values.tolist()],
                    "logsumexp": round(float(logits[at].double().logsumexp(0)), 5),
                }
            )
        records.append({"name": name, "ids": ids, "positions": positions, "greedy": greedy[len(ids) :]})
        print(f"{name}: {tokenizer.decode(greedy[len(ids) :])!r}", file=sys.stderr)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    write("logits", {**source, **versions, "prompts": records})


def main() -> None:
    weights = Path(sys.argv[1]).absolute()
    import tokenizers

    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    source = {"file": weights.name, "sha256": digest, "tokenizers": tokenizers.__version__}
    tokenizer = reference_tokenizer(weights)
    record_tokens(tokenizer, source)
    record_logits(weights, tokenizer, source)


if __name__ == "__main__":
    main()
