"""`train_run` under the module's name of 0.1, for scripts that were written then."""

from model_guidance.runs.train import train_run

__all__ = ["train_run"]
