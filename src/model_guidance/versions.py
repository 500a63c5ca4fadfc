"""What a result was computed with."""

import platform

import torch

from model_guidance import __version__

VERSIONS = f"model-guidance {__version__}, PyTorch {torch.__version__}, Python {platform.python_version()}"
