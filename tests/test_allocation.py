"""Freed memory is kept for the next tensors, unless the user has decided otherwise."""

import os
import subprocess
import sys

import pytest

import model_guidance as mg

FAULTS = """
import resource, sys
import torch
import model_guidance as mg

kept = mg.keep_freed_memory()
torch.ones(7_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(4_000_000)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 4 * 4_000_000 // 4096


@pytest.mark.skipif(not mg.keep_freed_memory(), reason="needs glibc")
@pytest.mark.parametrize(
    ("environment", "kept"),
    [({}, True), ({"MALLOC_TRIM_THRESHOLD_": "131072"}, False)],
    ids=["ours", "theirs"],
)
def test_a_tensor_takes_the_place_of_a_freed_one(environment, kept):
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    said, faults = done.stdout.split()
    assert said == str(kept)
    assert (int(faults) < PAGES / 10) == kept
