#!/usr/bin/env python3
"""Checks that every link of a Markdown file into this repository leads somewhere: scripts/links.py

Looks at inline links, pictures and headings; addresses on the network are left alone.
"""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(text):
    """The anchors that the headings of a page get."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


def dead_links(page):
    """Every link of a page that leads nowhere."""
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists():
            yield target
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield target


def main():
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], capture_output=True, check=True).stdout.decode()
    dead = [f"{page}: {link}" for page in filter(None, listed.split("\0")) for link in dead_links(pathlib.Path(page))]
    print("\n".join(f"a dead link in {link}" for link in dead), end="\n" if dead else "")
    sys.exit(1 if dead else 0)


main()
