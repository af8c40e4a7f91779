import torch

from cleartract.model.prior import interpolation_weights
from tests.conditions import random_condition, with_frames, with_prediction


def test_interpolation_is_linear_between_observed_frames_and_held_outside():
    observed = torch.tensor([[0, 1, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]]).bool()
    weights = interpolation_weights(observed)
    torch.testing.assert_close(weights[1], torch.eye(6))
    assert not weights[2].any()
    values = torch.tensor([9.0, 1.0, 9.0, 9.0, 4.0, 9.0])
    torch.testing.assert_close(weights[0] @ values, torch.tensor([1.0, 1.0, 2.0, 3.0, 4.0, 4.0]))
    assert not weights[~observed[:, None].expand_as(weights)].any()


def test_the_prior_follows_predicted_frames_between_observed_ones(predicting_model):
    """Observed frames are themselves; without a prediction it is a line between them."""
    config, known = predicting_model.config, random_condition(1, 6)
    observed = torch.tensor([[True, False, False, True, False, False]])
    predicted = torch.rand(1, 6, 20, 22)
    noisy = known.frames.noisy
    lost = with_prediction(with_frames(known, observed=observed), predicted)
    found = predicting_model.prior(lost)
    torch.testing.assert_close(found.mean[observed], noisy[observed])
    rest = noisy - predicted
    between = predicted[0, 1] + (2 * rest[0, 0] + rest[0, 3]) / 3
    torch.testing.assert_close(found.mean[0, 1], between)
    torch.testing.assert_close(found.mean[0, 5], predicted[0, 5] + rest[0, 3])
    near, far = config.correction_spread, config.interpolation_spread
    torch.testing.assert_close(found.spread.flatten(), torch.where(observed[0], near, far))
    silent = predicting_model.prior(lost.without_sound())
    torch.testing.assert_close(silent.mean[0, 1], (2 * noisy[0, 0] + noisy[0, 3]) / 3)


def test_where_nothing_is_known_the_prior_is_a_grey_frame(predicting_model):
    config = predicting_model.config
    nothing = with_frames(random_condition(1, 6), observed=torch.zeros(1, 6).bool())
    found = predicting_model.prior(nothing)
    assert (found.mean == config.intensity_mean).all()
    assert (found.spread == config.intensity_spread).all()
    mean = predicting_model.prior(with_prediction(nothing, None))
    torch.testing.assert_close(mean.mean[0, 3], nothing.frames.noisy.mean(1)[0])
    assert (mean.spread == config.interpolation_spread).all()
