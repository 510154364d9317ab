"""Nothing leaves the computer, and nothing is left where nobody looks."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_nothing_but_the_store_is_left_in_the_home_folder_and_nothing_is_reported(tmp_path: Path) -> None:
    """onnxruntime reports to its maker where it is not told otherwise, but not from machines for tests."""
    photos, home = tmp_path / "photos", tmp_path / "home"
    photos.mkdir()
    home.mkdir()
    Image.effect_noise((640, 480), 80).convert("RGB").save(photos / "a.jpg")
    known = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "LOOKALIKE_STORE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in known and not name.startswith(("XDG_", "PYTEST_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", "index", photos],
        env={**kept, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = {os.path.relpath(folder, home) for folder, _, files in os.walk(home) if files}
    assert {each.rpartition("lookalike")[1] for each in left} == {"lookalike"}, left
