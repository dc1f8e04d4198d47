#!/usr/bin/env python3
"""Writes a container image from files, without a registry and without a container engine.

    image.py [--user UID:GID] OUT.tar NAME:TAG ENTRYPOINT FILE[:DESTINATION]...

The result is what `ctr images import` (and `docker load`) take: one layer, no base image. A program that loads
shared libraries needs them listed too (`libraries` in common.sh prints them).
"""

import argparse
import hashlib
import io
import json
import os
import tarfile

ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n",
    "etc/group": b"root:x:0:\nnonroot:x:65532:\n",
}


def entry(tar, path, data=b"", mode=0o755, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(path.lstrip("/"))
    info.mode, info.type, info.size, info.mtime = mode, kind, len(data), 0
    tar.addfile(info, io.BytesIO(data))


def layer(files):
    """The image's only layer: the files, the directories above them, and the accounts."""
    buffer, seen = io.BytesIO(), set()
    with tarfile.open(fileobj=buffer, mode="w") as tar:

        def directories(path):
            parts = path.strip("/").split("/")
            for depth in range(1, len(parts) + 1):
                name = "/".join(parts[:depth])
                if name and name not in seen:
                    seen.add(name)
                    entry(tar, name, mode=0o1777 if name == "tmp" else 0o755, kind=tarfile.DIRTYPE)

        directories("tmp")
        directories("etc")
        for path, text in ACCOUNTS.items():
            entry(tar, path, text, 0o644)
        for file in files:
            source, _, target = file.partition(":")
            target = target or "/" + os.path.basename(source)
            directories(os.path.dirname(target))
            with open(source, "rb") as opened:
                entry(tar, target, opened.read(), os.stat(source).st_mode & 0o777)
    return buffer.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--user", default="")
    parser.add_argument("out")
    parser.add_argument("name")
    parser.add_argument("entrypoint")
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()

    data = layer(given.files)
    digest = hashlib.sha256(data).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": given.entrypoint.split(),
                "Env": ["PATH=/:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "User": given.user,
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]},
            "history": [{"created_by": "tests/mesh/lab/image.py"}],
        }
    ).encode()
    name = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": name + ".json", "RepoTags": [given.name], "Layers": [digest + "/layer.tar"]}]
    with tarfile.open(given.out, "w") as tar:
        entry(tar, name + ".json", config, 0o644)
        entry(tar, digest + "/layer.tar", data, 0o644)
        entry(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)
    print(f"{given.name}: {len(data)} bytes in {given.out}")


if __name__ == "__main__":
    main()
