import pytest

from campare.data.urls import has_user, is_archive, is_url, name_of, public, scheme_of

URLS = [
    ("s3://bucket/pets", "s3://bucket/pets", "pets"),
    ("s3://key:secret@bucket/pets/", "s3://bucket/pets/", "pets"),
    ("https://me:se%40cret@host:8000/a/pets.zip?X-Amz-Signature=secret#secret",
     "https://host:8000/a/pets.zip", "pets"),
    ("https://host/a@2/pets", "https://host/a@2/pets", "pets"),
    ("hf://datasets/name/pets@main/train", "hf://datasets/name/pets@main/train", "train"),
    ("https://host", "https://host", "host"),
    ("s3://bucket/..", "s3://bucket/..", "data"),
    ("s3://bucket/.git", "s3://bucket/.git", "git"),
    ("s3://bucket/my pets\n;", "s3://bucket/my pets\n;", "my-pets"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "shown", "name"), URLS)
def test_a_url_is_shown_without_secrets_and_named_by_its_last_part(url, shown, name):
    assert is_url(url)
    assert public(url) == shown
    assert name_of(url) == name


@pytest.mark.parametrize("text", ["a/b", "C://a", "", "://a", "a:b", "timm:resnet50?checkpoint=a"])
def test_other_texts_are_no_url_and_stay(text):
    assert not is_url(text)
    assert public(text) == text


def test_options_of_a_command_lose_the_secrets_of_their_url():
    assert public("--data=s3://key:secret@bucket/a?b") == "--data=s3://bucket/a"
    assert public("mine=https://host/a.keras?token=secret") == "mine=https://host/a.keras"


def test_scheme_user_and_archive():
    assert (scheme_of("GS://b"), scheme_of("b")) == ("gs", "")
    assert has_user("s3://key:secret@bucket/a")
    assert not has_user("https://host/a@b")
    assert is_archive("https://host/a.zip?token=b")
    assert not is_archive("https://host/zip")
