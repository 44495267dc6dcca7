"""Holds unit, image and compose file to the server that they start."""

import os
import pathlib
import re
import subprocess
import tempfile

PINNED = re.compile(r"[^\s:]+:v?\d+\.\d+[\w.-]*$")
SETTING = re.compile(r"^\s*(?:ENV )?(PLAYHOUSE_\w+)[:=]\s*(.+?)\s*\\?$", re.M)
ASKED_FOR = re.compile(r"\$\{\w+:\?[^}]*\}")
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


def check_settings(report, binary, dockerfile, compose):
    """Every variable that image and services set is a key of the server, with a value that it takes."""
    image = settings_in(dockerfile.read_text())
    report.check("settings of the image", refusal(binary, image))
    shared, services = compose.read_text().split("\nservices:\n")
    blocks = re.split(r"^  (?=[\w-]+:$)", services, flags=re.M)
    servers = [block for block in blocks if settings_in(block)]
    report.check(f"servers of {compose.name}", "" if servers else "there is none")
    for server in servers:
        settings = image | settings_in(shared) | settings_in(server)
        report.check(f"settings of {server.split(':')[0]}", refusal(binary, settings))


def settings_in(text):
    """The variables for the server in a file, with what stands for those that the operator gives."""
    found = {name: value.strip("'\"") for name, value in SETTING.findall(text)}
    return {name: ASKED_FOR.sub("example.org", value) for name, value in found.items()}


def refusal(binary, settings):
    """What the server says against these settings, or nothing."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PLAYHOUSE_")}
    done = subprocess.run([binary, "check-config"], env=others | settings, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""
