import copy
import pickle
import re
import traceback

import pytest
import torch

from ganblocks import errors

CLASSES = [
    e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.GanBlocksError)
]


def test_every_error_is_of_the_family():
    family = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    ours = [e for e in family if not issubclass(e, Warning)]
    assert len(ours) > 5
    assert all(issubclass(e, errors.GanBlocksError) for e in ours)


@pytest.mark.parametrize(
    ("got", "hint"), [("bach", "did you mean 'batch'"), ("zzz", "Allowed: 'batch', 'none'")]
)
def test_an_unknown_word_is_answered_with_the_nearest_and_the_list(got, hint):
    with pytest.raises(errors.OptionError, match=hint):
        errors.require_one_of("norm", got, ("batch", "none"))


@pytest.mark.parametrize("got", [0, -1, True, "3", None])
def test_numbers_that_are_too_small_or_none_at_all(got):
    with pytest.raises(errors.OptionError, match="at least 1"):
        errors.require_at_least("num_downs", got, 1)


@pytest.mark.parametrize("got", [0, 1.0, True, "3", None])
def test_counts_are_whole_numbers(got):
    with pytest.raises(errors.OptionError, match="whole number that is at least 1"):
        errors.require_count("num_downs", got, 1)


@pytest.mark.parametrize("got", [0, 1, "yes", None])
def test_flags_are_true_or_false(got):
    with pytest.raises(errors.OptionError, match="write True or False"):
        errors.require_flag("spectral_norm", got)


@pytest.mark.parametrize("got", [-0.1, 1.1, True, "a"])
def test_fractions(got):
    with pytest.raises(errors.OptionError, match="from 0 to 1"):
        errors.require_fraction("dropout", got)


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (1, 3, 0, 8)])
def test_an_image_with_nothing_in_it(shape):
    with pytest.raises(errors.ShapeError, match="empty tensor"):
        errors.require_image("generator", torch.zeros(shape), 3)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (1, 3, 8)])
def test_an_image_of_another_shape(shape):
    with pytest.raises(errors.ShapeError, match=r"\(B, 3, H, W\)"):
        errors.require_image("generator", torch.zeros(shape), 3)


@pytest.mark.parametrize("error", CLASSES)
def test_a_traceback_names_the_entry_of_the_docs_and_the_message_does_not(error):
    usual, special = error("the message"), error("the message", see="image-too-small")
    for made, entry in [(usual, error.see), (special, "image-too-small")]:
        assert (str(made), made.args, made.see) == ("the message", ("the message",), entry)
        assert made.__notes__ == [f"{errors.NOTE}{entry!r}"]
        message, note = traceback.format_exception_only(made)
        assert message.endswith("the message\n")
        assert note == f"{errors.NOTE}{entry!r}\n"
    assert error.see == usual.see  # naming another entry changes this one error alone
    assert str(error()) == ""


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
@pytest.mark.parametrize("error", CLASSES)
def test_an_error_keeps_its_entry_on_the_way_between_processes(error, again):
    made = error("the message", see="image-too-small")
    made.add_note("a word of the caller's")
    other = again(made)
    assert type(other) is error
    assert (str(other), other.see) == ("the message", "image-too-small")
    assert other.__notes__ == [f"{errors.NOTE}'image-too-small'", "a word of the caller's"]


@pytest.mark.parametrize("builtin", [LookupError, ValueError, TypeError, RuntimeError])
def test_builtins_catch_them_too(builtin):
    (error, *_) = [e for e in CLASSES if issubclass(e, builtin)]
    with pytest.raises(builtin, match="the message"):
        raise error("the message", see="resume")


def test_a_word_off_the_list_may_name_its_entry():
    with pytest.raises(errors.OptionError, match="did you mean 'a2b'") as raised:
        errors.require_one_of("direction", "AtoB", ("a2b", "b2a"), see="wrong-direction")
    assert raised.value.see == "wrong-direction"


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((3, 8, 8), "x.unsqueeze(0)"),
        ((1, 8, 8, 3), "x.permute(0, 3, 1, 2)"),
        ((1, 3, 4, 8, 8), "slices of a volume as a batch"),
        ((1, 5, 8, 8), "in_channels=5"),
        ((0, 3, 8, 8), "empty tensor"),
    ],
)
def test_an_image_of_another_shape_is_answered_with_what_to_write(shape, remedy):
    with pytest.raises(errors.ShapeError, match=re.escape(remedy)):
        errors.require_image("it", torch.zeros(shape), 3)
