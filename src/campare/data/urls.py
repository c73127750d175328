"""URLs as data: which texts are one, how they are called, and what of them may be written down.

    s3://bucket/pets    gs://bucket/pets    hf://datasets/name/pets    https://host/pets.zip

Names, passwords and the part after ? may be secrets: only :func:`public` URLs stand in messages,
manifests and the cache folder.
"""

import re
from pathlib import PurePosixPath
from typing import TypeGuard

# Of two letters at least, as a disk of Windows has one.
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_USER = re.compile(r"(?<=://)[^/?#]*@")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_NAME = re.compile(r"[^\w.+-]+")


def is_url(data: object) -> TypeGuard[str]:
    """Whether a text is a URL, and no path.

    Example:
        >>> is_url("s3://bucket/pets"), is_url("C://pets"), is_url("pets")
        (True, False, False)
    """
    return isinstance(data, str) and _SCHEME.match(data) is not None


def scheme_of(url: str) -> str:
    """What stands before ://, in small letters.

    Example:
        >>> scheme_of("S3://bucket/pets")
        's3'
    """
    found = _SCHEME.match(url)
    return found["scheme"].lower() if found else ""


def public(text: str) -> str:
    """A text without the names, passwords and queries of the URL in it.

    Example:
        >>> public("https://me:secret@host/pets.zip?token=abc")
        'https://host/pets.zip'
        >>> public("--data=s3://key:secret@bucket/pets"), public("a?b")
        ('--data=s3://bucket/pets', 'a?b')
    """
    if "://" not in text:
        return text
    before, colon, rest = text.partition("://")
    return before + _QUERY.sub("", _USER.sub("", colon + rest))


def has_user(url: str) -> bool:
    """Whether a URL has a name, or a name and a password, before its host.

    Example:
        >>> has_user("https://me:secret@host/pets"), has_user("https://host/pets@2")
        (True, False)
    """
    return _USER.search(url) is not None


def name_of(url: str) -> str:
    """What the data of a URL are called: its last part, without .zip.

    Example:
        >>> name_of("s3://bucket/pets/"), name_of("https://host:8000"), name_of("gs://b/pets.zip")
        ('pets', 'host-8000', 'pets')
    """
    last = PurePosixPath(public(url).partition("://")[2].rstrip("/")).name
    name = _NAME.sub("-", last).removesuffix(".zip").strip("-.")
    return name[:60] or "data"


def is_archive(url: str) -> bool:
    """Whether a URL is of a ZIP file, by its name.

    Example:
        >>> is_archive("https://host/pets.ZIP?token=abc"), is_archive("s3://bucket/pets")
        (True, False)
    """
    return public(url).lower().endswith(".zip")
