"""The kernels that are asked, where their packages come from, and by which preset csumlab takes them."""

from __future__ import annotations

from dataclasses import dataclass

from ..packages import HERE, Archive, Packages, newest

# Ubuntu's first kernels of a release stay where they are and as they are: each file is known by its digest, not by a key.
_XENIAL = Archive("ubuntu", "xenial", {
    "linux-image-4.4.0-21-generic_4.4.0-21.37_amd64.deb": "be0b48760d001839a8625e8de33011700a495255e3b258511ec4ffdab43c06ff",
    "linux-image-extra-4.4.0-21-generic_4.4.0-21.37_amd64.deb": "af81dfaa79b7ca3eddf5bb94bde7c2fd162d66e0baa1f19f39f9c5fb06d1c0d7",
})  # fmt: skip
_BIONIC = Archive("ubuntu", "bionic", {
    "linux-image-unsigned-4.15.0-20-generic_4.15.0-20.21_amd64.deb": "377279cf295f84104208449a8a83246cb4af607dc58a77d21092c3cfbf500128",
    "linux-modules-4.15.0-20-generic_4.15.0-20.21_amd64.deb": "c829da8d8fc3f4941ee7f2972b5c932bf728279c49cad0836a48238cb2875217",
    "linux-modules-extra-4.15.0-20-generic_4.15.0-20.21_amd64.deb": "027c65257079def7ba81f37901e59cd02f2fcc8f671ade566fe1353b433e3cf9",
})  # fmt: skip
_FOCAL = Archive("ubuntu", "focal", {
    "linux-image-unsigned-5.4.0-26-generic_5.4.0-26.30_amd64.deb": "ce10287973c2ec9925a11c6cc5f86e9faa28591962f34e94a8c586f8df01e821",
    "linux-modules-5.4.0-26-generic_5.4.0-26.30_amd64.deb": "82cf8aa4ab5d8b4bb78f452c7069ffc7429fe1d0e2eef13f4b35ebe0b848b1a4",
    "linux-modules-extra-5.4.0-26-generic_5.4.0-26.30_amd64.deb": "870f630346424ef4127e5943c590f82ab575d407a0581c53c8ca61ee66eeb384",
})  # fmt: skip
_BULLSEYE = Archive("debian", "bullseye")
_BACKPORTS = Archive("debian", "bookworm-backports")


@dataclass(frozen=True)
class Version:
    """One kernel. ``preset`` is csumlab's; ``image`` a pattern of its package's name."""

    name: str
    preset: str
    archive: Archive
    image: str

    def packages(self) -> Packages:
        if self.archive.digests:
            return Packages(tuple(file.split("_")[0] for file in self.archive.digests), self.archive)
        return Packages((newest(self.image, self.archive),), self.archive)


VERSIONS = (
    Version("4.4", "linux-4.5", _XENIAL, ""),
    Version("4.15", "linux-4.17", _BIONIC, ""),
    Version("5.4", "linux-5.6", _FOCAL, ""),
    Version("5.10", "linux-5.10", _BULLSEYE, r"^linux-image-5\.10\.0-[0-9]+-amd64$"),
    Version("6.1", "linux-6.1", HERE, r"^linux-image-6\.1\.0-[0-9]+-amd64$"),
    Version("6.12", "linux-6.12", _BACKPORTS, r"^linux-image-6\.12\.[0-9]+\+deb12-amd64$"),
)
