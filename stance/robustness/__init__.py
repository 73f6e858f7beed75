"""Does the finding survive other wordings, masked names, other models?"""

from stance.robustness.result import Multiverse

__all__ = ["Multiverse"]
