"""Holds unit, image and compose file to the server that they start."""

import os
import pathlib
import re
import subprocess
import tempfile

PINNED = re.compile(r"[^\s:]+:v?\d+\.\d+[\w.-]*$")
SETTING = re.compile(r"^\s*(?:ENV )?(PLAYHOUSE_\w+)[:=]\s*(.+?)\s*\\?$", re.M)
INSTALLED = "/usr/local/bin/playhouse"

# What systemd may find open to attack, in tenths: below two is what a public server can have.
MOST_EXPOSURE = "20"


def check_unit(report, unit, binary):
    """The unit is understood, and gives away little."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder, unit.name)
        here.write_text(unit.read_text().replace(INSTALLED, str(binary)))
        report.runs("systemd-analyze verify", "systemd-analyze", "verify", here)
        report.runs("systemd-analyze security", "systemd-analyze", "security", "--offline=true",
                    f"--threshold={MOST_EXPOSURE}", "--no-pager", here)


def check_images(report, *files):
    """What is built on or started today is what is built on or started in a year."""
    for file in files:
        names = re.findall(r"^\s*image: (\S+)$|^FROM (\S+)", file.read_text(), re.M)
        loose = [image or base for image, base in names if not PINNED.match(image or base)]
        report.check(f"images of {file.name}", f"{loose} have no version" if loose or not names else "")


def check_settings(report, file, binary, **settings):
    """Every variable that a file sets is a key of the server, with a value that it takes."""
    found = dict(SETTING.findall(file.read_text()))
    settings = {name: value.strip("'\"") for name, value in {**found, **settings}.items()}
    others = {name: value for name, value in os.environ.items() if not name.startswith("PLAYHOUSE_")}
    done = subprocess.run([binary, "check-config"], env={**others, **settings}, capture_output=True, text=True, check=False)
    problem = done.stderr if done.returncode else "" if found else "it sets nothing"
    report.check(f"settings of {file.name}", problem)
