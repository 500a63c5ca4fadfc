"""`train` says before the first epoch what it does not use of what was given."""

from pathlib import Path
from typing import Any

import pytest

from model_guidance import cli


@pytest.mark.parametrize("seeds", [[], ["--seeds", "1", "2"]])
def test_options_without_effect_are_said_once(
    seeds: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("model_guidance.runs.train.train_run", stopped)
    for given, said in ((["--loss=l1"], 1), (["--loss=l1", "--lambda=1"], 0), (["--loss=energy"], 0)):
        with pytest.raises(SystemExit):
            cli.main(["train", f"--out={tmp_path}", *given, *seeds])
        assert capsys.readouterr().err.count("not used in this training") == said
