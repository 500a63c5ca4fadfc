"""What a result was computed with."""

import platform

import torch

from model_guidance import __version__

VERSIONS = ", ".join(
    (f"model-guidance {__version__}", f"PyTorch {torch.__version__}", f"Python {platform.python_version()}")
)
