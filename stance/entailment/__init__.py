"""The zero-shot transformer: (premise, hypothesis) pairs -> probabilities.

Any Hugging Face sequence-classification model trained for natural language inference will do: three-way
(entailment, neutral, contradiction) or two-way (entailment, not entailment). Weights are read from safetensors
only, and no code that comes with a model is run.

Method: Yin, Hay & Roth (2019), "Benchmarking zero-shot text classification", EMNLP.

``loading`` finds a model, ``model`` is its face to the rest of the package, ``windows`` cuts long texts, ``encoding``
joins tokens, ``engine`` and ``bert`` run the network, ``choice`` picks the engine and checks that it keeps the scores.
"""

from stance.entailment.loading import BUNDLED, bundled_folder, load_model
from stance.entailment.model import EntailmentModel, Pair, Scorer, label_columns
from stance.entailment.windows import sentence_spans

__all__ = [
    "BUNDLED",
    "EntailmentModel",
    "Pair",
    "Scorer",
    "bundled_folder",
    "label_columns",
    "load_model",
    "sentence_spans",
]
