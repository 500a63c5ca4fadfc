"""`model-guidance`, `python -m model_guidance`, and `torchrun -m model_guidance` for several processes."""

import sys


def main() -> None:
    """Run the command line; name the packages that it needs where they were left out."""
    try:
        from model_guidance.cli import main as command
    except ModuleNotFoundError as error:
        if str(error.name).startswith("model_guidance"):
            raise
        need = "pip install 'model-guidance[train,report]'"
        sys.exit(f"model-guidance: the command line needs {error.name}, which is not installed: {need}")
    command()


if __name__ == "__main__":
    main()
