import pytest

from ganblocks import errors


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
    with pytest.raises(errors.ShapeError, match="nothing in it"):
        errors.require_image("generator", shape, 3)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (1, 3, 8)])
def test_an_image_of_another_shape(shape):
    with pytest.raises(errors.ShapeError, match=r"\(B, 3, H, W\)"):
        errors.require_image("generator", shape, 3)
