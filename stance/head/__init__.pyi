from .fitted import FrameHead as FrameHead
from .fitted import default_head as default_head
from .fitted import head_path as head_path
from .fitted import read_head as read_head
from .scorer import StanceScorer as StanceScorer

__all__ = ["FrameHead", "StanceScorer", "default_head", "head_path", "read_head"]
