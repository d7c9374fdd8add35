"""What is known of a stored image: `image.json` in its folder."""

from datetime import datetime
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

SCHEMA: Literal["nestlab.image/2"] = "nestlab.image/2"
_OLD = "nestlab.image/1"

Kind = Literal["built", "cloud"]
Format = Literal["raw", "qcow2"]

DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Architecture as `uname -m` says it -> as Debian says it."""
KERNEL_NAMES = {debian: kernel for kernel, debian in DEBIAN_NAMES.items()}

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+_-]{0,63}$")]
"""As `image` in the lab file."""


class Manifest(BaseModel):
    """`nestlab.image/2`: what is in an image's folder and how to tell that it still is.

    kind          built: a root file system and its kernel, made here by a recipe; cloud: a disk
                  that boots by itself and takes its seed by cloud-init
    architecture  as `uname -m` says it
    disk_size     bytes of the file, not of the disk in it
    disk_sha256   built: see `sha256_of`; cloud: what `sha256sum` prints
    created       when it was stored, UTC; None: by a nestlab that did not note it
    user          who can log in besides root
    source        cloud: the URL or file that it came from
    checksum      cloud: what it was compared with, `sha512:…`; None: nobody said
    recipe, kernel, kernel_sha256, initrd_sha256, packages
                  built: digest of the recipe, version and checksum of the kernel, checksum of the
                  initrd, versions

    A file of `nestlab.image/1`, which knew built images only, is read as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["nestlab.image/2"] = Field(default=SCHEMA, alias="schema")
    kind: Kind = "built"
    name: Name
    architecture: str
    format: Format = "raw"
    disk_size: int
    disk_sha256: str
    created: datetime | None = None
    user: str = "root"
    source: str | None = None
    checksum: str | None = None
    recipe: str | None = None
    kernel: str | None = None
    kernel_sha256: str | None = None
    initrd_sha256: str | None = None
    packages: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, data: object) -> object:
        if not isinstance(data, dict) or data.get("schema", SCHEMA) != _OLD:
            return data
        named = str(data.get("architecture"))
        return {**data, "schema": SCHEMA, "architecture": KERNEL_NAMES.get(named, named)}

    @model_validator(mode="after")
    def _built_with_a_kernel(self) -> "Manifest":
        if self.kind == "built" and None in {self.recipe, self.kernel, self.kernel_sha256}:
            raise ValueError("a built image has recipe, kernel and kernel_sha256")
        return self

    @property
    def disk(self) -> PurePath:
        """Name of the disk within the folder."""
        return PurePath("disk.img" if self.format == "raw" else "disk.qcow2")
