"""The lock on the folder of a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from centernet.errors import InputError
from centernet.training.run_lock import check_unlocked, locked

PROGRAM = """
import sys, time
from pathlib import Path
from centernet.training.run_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of this kind")
def test_a_folder_is_locked_until_its_process_ends_even_if_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        message = (
            rf"belongs to a run that has not ended \(process {process.pid} on .*\): wait for it, or stop"
        )
        with pytest.raises(InputError, match=message):
            check_unlocked(tmp_path)
        with pytest.raises(InputError, match=message), locked(tmp_path):
            pass
        process.kill()

    with locked(tmp_path):
        assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []
