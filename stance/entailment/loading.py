"""Finding and loading a model: the bundled one, a folder, or one of the Hugging Face Hub."""

import importlib.resources
import json
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file

from stance.cache import default_cache
from stance.entailment.bert import BertEngine, StoredBert, plain
from stance.entailment.choice import check_precision
from stance.entailment.encoding import FastTokenizer
from stance.entailment.model import EntailmentModel, label_columns
from stance.errors import ModelError


def bundled_folder() -> Path:
    """The folder of the model that comes with the package, in an installed wheel and in a checkout."""
    package = Path(str(importlib.resources.files("stance")))
    for folder in (package / "models" / "nli", package.parent / "models" / "nli"):
        if (folder / "config.json").is_file():
            return folder
    raise ModelError("the bundled model is missing from this installation; install stance-toolkit again")


BUNDLED = "bundled"


def load_model(
    name: str | Path | None = None, *, device: str = "auto", precision: str = "auto", cache: bool = True
) -> EntailmentModel:
    """Loads an NLI model: the bundled one, a folder, or a Hugging Face model by name.

    A Hub model is taken from the local cache where it is there, and fetched otherwise.

    Args:
        name: nothing or "bundled", a path, or a name such as "MoritzLaurer/deberta-v3-large-zeroshot-v2.0".
        device: "cpu", "cuda", …; "auto" is a CUDA device where there is one.
        precision: "auto" computes in the fastest way that the processor does well and that keeps scores, which are
            means over three wordings or more, within 0.005 of float32; "exact" computes in float32, the same to 1e-5
            whatever the batches.
        cache: whether probabilities are remembered in the user's cache directory (see :mod:`stance.cache`).

    Raises:
        InputError: another precision.
        ModelError: not found, incomplete, no safetensors, needs code of its own, or not an NLI model.
    """
    check_precision(precision)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    name = str(name or BUNDLED)
    folder = bundled_folder() if name == BUNDLED else Path(name).expanduser()
    base = _load(name, device, folder.resolve() if folder.is_dir() else None, _stamp(folder))
    return base.with_precision(precision).with_cache(default_cache() if cache else None)


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """The files of a model's folder with size and time: another model in the same place is another model."""
    found = [(path.name, path.stat()) for path in sorted(folder.glob("*")) if path.suffix in (".json", ".safetensors")]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


@lru_cache(maxsize=2)
def _load(name: str, device: str, folder: Path | None, stamp: tuple[Any, ...]) -> EntailmentModel:
    """The model of a folder, as it was at ``stamp``, or of the Hub where there is no such folder."""
    if folder is not None:
        _check_folder(folder)
        stored = _stored(folder) if device == "cpu" else None
        network, tokenizer = stored or _from_pretrained(str(folder), name, device, local=True)
        files = sorted(folder.glob("*.safetensors"))
    elif Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: no such folder; give a model folder, or a Hub name such as "
                         "'MoritzLaurer/deberta-v3-large-zeroshot-v2.0'")  # fmt: skip
    else:
        network, tokenizer = _from_hub(name, device)
        files = _cached_weights(name)
    model = EntailmentModel(network, tokenizer, name, files)
    model.fingerprint  # noqa: B018 - of these very files, before anybody can change them; the model's copies share it
    return model


def _check_folder(folder: Path) -> None:
    """One clear error for what is missing, before transformers tries and guesses."""
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"{folder}: not a model folder, config.json is missing")
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{folder}/config.json is damaged: {error}; copy the model again") from error
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt")))
        why = f"only {pickled[0]}, a pickle, which stance does not load; convert it" if pickled else "no weights"
        raise ModelError(f"{folder}: {why}; stance reads model.safetensors")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model")):
        raise ModelError(f"{folder}: the tokenizer is missing (tokenizer.json); copy all files of the model")


def _from_pretrained(path: str, name: str, device: str, *, local: bool) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(path, local_files_only=local, trust_remote_code=False)
        label_columns(config.id2label, name)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local, trust_remote_code=False)
        network, report = AutoModelForSequenceClassification.from_pretrained(
            path, config=config, local_files_only=local, trust_remote_code=False, use_safetensors=True,
            dtype=torch.float32, output_loading_info=True,
        )  # fmt: skip
    except ModelError:
        raise
    except OSError:
        raise
    except Exception as error:  # transformers, safetensors and tokenizers raise many kinds for a damaged model
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{name}: the model cannot be loaded: {reason}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(f"{name}: weights are missing ({missing[0]} and {len(missing) - 1} more): this is not a "
                         "finished sequence-classification model")  # fmt: skip
    return network.eval().to(device), tokenizer


def _stored(folder: Path) -> tuple[StoredBert, FastTokenizer] | None:
    """A BERT that models/nli/train.py exported, without transformers, whose import takes longer than to score a quote.

    None for any other folder, and for one with damage, on which transformers has more to say.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if "stance_temperature" not in config or not (folder / "model.safetensors").is_file():
        return None
    try:
        settings = SimpleNamespace(**config | {"id2label": {int(k): v for k, v in config["id2label"].items()}})
        network = StoredBert(settings, load_file(folder / "model.safetensors"))
        words = network.state_dict()["bert.embeddings.word_embeddings.weight"]
        if not plain(settings) or words.shape != (settings.vocab_size, settings.hidden_size):
            return None
        BertEngine(network)  # all weights are there
        return network, FastTokenizer.stored(folder)
    except Exception:  # tokenizers raises bare ones; whatever it is, _from_pretrained meets it again and reports it
        return None


def _from_hub(name: str, device: str) -> tuple[Any, Any]:
    try:
        return _from_pretrained(name, name, device, local=True)
    except OSError:
        pass  # not in the cache, or not wholly; try to fetch it
    try:
        return _from_pretrained(name, name, device, local=False)
    except OSError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{name}: neither in the local cache nor to be had from the Hub ({reason}). Check the name and the "
            "connection, or fetch it on another machine and give its folder; the bundled model needs no network"
        ) from error


def _cached_weights(name: str) -> list[Path]:
    from transformers.utils.hub import cached_file

    single = cached_file(name, "model.safetensors", local_files_only=True, _raise_exceptions_for_missing_entries=False)
    if single:
        return [Path(single)]
    index = cached_file(name, "model.safetensors.index.json", local_files_only=True)
    parts = set(json.loads(Path(str(index)).read_text(encoding="utf-8"))["weight_map"].values())
    return [Path(str(cached_file(name, part, local_files_only=True))) for part in sorted(parts)]
