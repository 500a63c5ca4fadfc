"""`python -m model_guidance`, and `torchrun -m model_guidance` for several processes."""

from model_guidance.cli import main

main()
