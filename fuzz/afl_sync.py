#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""AFL++ on several hosts: hands on what each has found, over a folder that all of them can reach.

    afl_sync.py name [ROLE]             what to call an instance of this host
    afl_sync.py sync FOLDER SHARED      gives and takes; to be run every hour or so on each host

FOLDER is what afl-fuzz got with -o. How SHARED reaches all hosts (NFS, sshfs, rsync) is not its
affair. It holds

    SHARED/NAME/SHA256     an input of the host whose main instance is NAME
    SHARED/NAME/owner      which FOLDER hands in under that name
    SHARED/NAME/final      there if that host has made its last sync

An input's name is the digest of its bytes. So nothing is taken that is not whole, whatever brought
it, and what two hosts have found is there once. In FOLDER the inputs of another host become the
queue of an instance NAME that does not run: the main instance takes from it in the order of its
numbers, which therefore have no gaps.

A run may be killed at any time, and the disk may be full: what is there under its last name is
whole, and the next run goes on.
"""
from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

# What afl-fuzz 4.04c accepts as a name.
MAX_NAME = 24
NAME = re.compile(r"[A-Za-z0-9_-]{1,24}")
DIGEST = re.compile(r"[0-9a-f]{64}")
TAKEN = re.compile(r"id:(\d{6,}),([0-9a-f]{64})")
# afl-fuzz looks at nothing larger.
MAX_INPUT = 1 << 20

# In FOLDER; what begins with a dot is no instance.
LOCK = ".afl_sync.lock"
IDENTITY = ".afl_sync.identity"
# In an instance's folder that was made here, of the inputs of another host.
FOREIGN = "from_another_host"
PART = ".part"
OWNER = "owner"
FINAL = "final"


class SyncError(Exception):
    """Ends the run; the message is one line for the user."""


@dataclass
class Summary:
    name: str
    pushed: int = 0
    pulled: dict[str, int] = field(default_factory=dict)
    not_whole: int = 0
    final: dict[str, bool] = field(default_factory=dict)

    def text(self) -> str:
        hosts = ", ".join(f"{count} of {name}" for name, count in sorted(self.pulled.items()))
        lines = [f"{self.name}: {self.pushed} pushed, {sum(self.pulled.values())} pulled"
                 + (f" ({hosts})" if hosts else "")]
        if self.not_whole:
            lines.append(f"not whole yet, and left for the next time: {self.not_whole}")
        if self.final.get(self.name):
            missing = sorted(name for name, final in self.final.items() if not final)
            lines.append(f"the last sync is still to come of: {', '.join(missing)}" if missing
                         else "all hosts have made their last sync")
        return "\n".join(lines)


# --- names ----------------------------------------------------------------------------------------


def instance_name(role: str, host: str) -> str:
    """HOST-ROLE, shortened to what afl-fuzz accepts."""
    short = re.sub(r"[^A-Za-z0-9_-]", "-", host.split(".")[0])
    return f"{short[:MAX_NAME - len(role) - 1]}-{role}"


def role_of_argument(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: up to 16 of A-Z a-z 0-9 _ -")
    return text


def name_of_argument(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: up to {MAX_NAME} of A-Z a-z 0-9 _ -")
    return text


# --- files ----------------------------------------------------------------------------------------


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(path: Path, data: bytes, part: Path) -> None:
    """Written under the name of `part`, then renamed."""
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            # A share may say only now that it is full; and what it has lost would never come again.
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        # A full disk does not say of which file.
        raise OSError(error.errno, error.strerror, str(path)) from error


def subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One run at a time in a folder; a second one waits. The lock ends with the process."""
    with open(folder / LOCK, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_running(instance: Path) -> bool:
    """afl-fuzz holds a lock on the folder of each of its instances."""
    descriptor = os.open(instance, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# --- whose folder it is ---------------------------------------------------------------------------


def identity_of(folder: Path) -> str:
    path = folder / IDENTITY
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        identity = secrets.token_hex(16)
        put(path, f"{identity}\n".encode(), folder / f"{IDENTITY}{PART}")
        return identity


def claim(shared: Path, identity: str) -> None:
    """Two hosts of one name would never get anything of each other, and not notice. If both come
    first in the same moment, one of them is told the next time."""
    shared.mkdir(exist_ok=True)
    owner = shared / OWNER
    if not owner.exists():
        put(owner, f"{identity}\n".encode(), shared / PART)
    if owner.read_text(encoding="ascii").strip() != identity:
        raise SyncError(f"{shared}: is of another host, or of another folder of this one; give a "
                        f"--name of its own, or remove {owner} if this host has begun anew")


# --- what this host has found ---------------------------------------------------------------------


def read_input(path: Path) -> bytes | None:
    """None: it is being written right now, which afl-fuzz does at once, or is trimmed, for which it
    is made anew."""
    try:
        with open(path, "rb") as file:
            data = file.read()
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return None
    return data if data and len(data) == size else None


def queue_of(instance: Path) -> list[Path]:
    return sorted(path for path in (instance / "queue").iterdir() if path.name.startswith("id:"))


def own_instances(folder: Path) -> list[Path]:
    return [path for path in subfolders(folder)
            if (path / "queue").is_dir() and not (path / FOREIGN).exists()]


def push(instances: list[Path], shared: Path, known: set[str], summary: Summary) -> set[str]:
    """The digests of all that the instances have. What is known is in SHARED already."""
    own = set()
    for path in (path for instance in instances for path in queue_of(instance)):
        data = read_input(path)
        if data is None:
            summary.not_whole += 1
            continue
        digest = digest_of(data)
        if digest not in known and digest not in own:
            put(shared / digest, data, shared / PART)
            summary.pushed += 1
        own.add(digest)
    return own


# --- what others have found -----------------------------------------------------------------------


def digests_in(shared: Path) -> list[str]:
    return sorted(path.name for path in shared.iterdir() if DIGEST.fullmatch(path.name))


def taken_from(instance: Path) -> list[re.Match[str]]:
    return [match for path in queue_of(instance) if (match := TAKEN.fullmatch(path.name))]


def foreign_instance(folder: Path, name: str) -> Path:
    instance = folder / name
    if (instance / "queue").exists() and not (instance / FOREIGN).exists():
        raise SyncError(f"{instance}: is an instance of this host, and another host has that name")
    instance.mkdir(exist_ok=True)
    (instance / FOREIGN).touch()
    (instance / "queue").mkdir(exist_ok=True)
    return instance


def pull(shared: Path, instance: Path, known: set[str], summary: Summary) -> None:
    number = 1 + max((int(match[1]) for match in taken_from(instance)), default=-1)
    for digest in digests_in(shared):
        if digest in known:
            continue
        with open(shared / digest, "rb") as file:
            data = file.read(MAX_INPUT + 1)
        if digest_of(data) != digest:
            summary.not_whole += 1
            continue
        put(instance / "queue" / f"id:{number:06},{digest}", data, instance / PART)
        known.add(digest)
        summary.pulled[shared.name] = summary.pulled.get(shared.name, 0) + 1
        number += 1


# --- the sync -------------------------------------------------------------------------------------


def mark_final(shared: Path, final: bool) -> None:
    if final:
        put(shared / FINAL, b"", shared / PART)
    else:
        (shared / FINAL).unlink(missing_ok=True)


def forget_halves(folders: list[Path]) -> None:
    """What a killed run was about to write: nobody else writes there."""
    for folder in folders:
        (folder / PART).unlink(missing_ok=True)


def finders(folder: Path, name: str, final: bool) -> list[Path]:
    """The main instance has what the others of this host have found, but not yet what they found
    last, so at the end all of them are asked."""
    if not (folder / name / "queue").is_dir():
        raise SyncError(f"{folder / name / 'queue'}: no such folder; "
                        f"begin with afl-fuzz -o {folder} -M {name}")
    if not final:
        return [folder / name]
    instances = own_instances(folder)
    for instance in instances:
        if is_running(instance):
            raise SyncError(f"{instance}: afl-fuzz is still running; the last sync comes after it")
    return instances


def sync(folder: Path, shared: Path, name: str, final: bool) -> Summary:
    for path in (folder, shared):
        if not path.is_dir():
            raise SyncError(f"{path}: no such folder")
    summary = Summary(name)
    with alone(folder):
        instances = finders(folder, name, final)
        own = shared / name
        claim(own, identity_of(folder))
        hosts = [path for path in subfolders(shared) if (path / OWNER).exists()]
        foreign = [path for path in subfolders(folder) if (path / FOREIGN).exists()]
        forget_halves([own, *foreign])
        there = {digest for host in hosts for digest in digests_in(host)}
        known = push(instances, own, there, summary)
        mark_final(own, final)
        known |= {match[2] for path in foreign for match in taken_from(path)}
        for host in hosts:
            summary.final[host.name] = (host / FINAL).exists()
            if host != own:
                pull(host, foreign_instance(folder, host.name), known, summary)
    return summary


# --- the command ----------------------------------------------------------------------------------


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"afl_sync.py: {message}; {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    top = OneLineParser(
        description="AFL++ on several hosts, over a folder that all of them can reach.",
        epilog="example:\n"
               "  afl-fuzz -o out -M $(fuzz/afl_sync.py name) ... &\n"
               "  fuzz/afl_sync.py sync out /mnt/shared           every hour\n"
               "  fuzz/afl_sync.py sync out /mnt/shared --final   after afl-fuzz has ended",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    name = commands.add_parser("name", help="print what to call an instance of this host")
    name.add_argument("role", nargs="?", default="main", type=role_of_argument, metavar="ROLE",
                      help="what it does (default: main)")
    name.add_argument("--host", default=socket.gethostname(), help="instead of this host's name")
    exchange = commands.add_parser("sync", help="give what this host has found, take from others")
    exchange.add_argument("folder", type=Path, metavar="FOLDER", help="afl-fuzz -o FOLDER")
    exchange.add_argument("shared", type=Path, metavar="SHARED", help="the folder of all hosts")
    exchange.add_argument("--name", type=name_of_argument, default=None,
                          help="of the main instance (default: what `name` prints)")
    exchange.add_argument("--final", action="store_true",
                          help="the last sync, after afl-fuzz has ended: of all instances")
    exchange.add_argument("--json", action="store_true", help="the summary as JSON")
    return top


def one_line(error: OSError) -> str:
    where = error.filename2 or error.filename
    return f"{where}: {error.strerror}" if where else str(error.strerror)


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    if options.command == "name":
        print(instance_name(options.role, options.host))
        return 0
    name = options.name or instance_name("main", socket.gethostname())
    try:
        summary = sync(options.folder, options.shared, name, options.final)
        print(json.dumps(vars(summary)) if options.json else summary.text(), flush=True)
    except SyncError as error:
        print(f"afl_sync.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"afl_sync.py: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
