import dataclasses

import pytest
import torch

from cleartract.diffusion.denoiser import loss_weight
from cleartract.training.batches import BatchSource
from cleartract.training.loss import LossWeights, batch_loss


@pytest.fixture
def batch(dataset, config):
    return BatchSource(dataset, config).draw(0)


def test_a_step_against_the_gradient_lowers_the_loss(batch, tiny_model):
    before = batch_loss(tiny_model, batch).balanced()
    before.backward()
    with torch.no_grad():
        for parameter in tiny_model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-4 * parameter.grad / (parameter.grad.norm() + 1e-9)
        assert float(batch_loss(tiny_model, batch).balanced()) < float(before)


def weighted_error(model, batch):
    sigma = batch.sigma[:, None, None, None]
    estimate = model(batch.clean + sigma * batch.noise, batch.sigma, batch.condition)
    scale = loss_weight(sigma, model.prior(batch.condition).spread).sqrt()
    return scale * (estimate - batch.clean)


@torch.no_grad()
def test_frame_difference_in_the_loss(batch, tiny_model):
    plain = batch_loss(tiny_model, batch).error
    heavy = batch_loss(tiny_model, batch, LossWeights(difference=2.0)).error
    change = weighted_error(tiny_model, batch).diff(dim=1)
    torch.testing.assert_close(heavy - plain, 2 * (change**2).mean((1, 2, 3)))


@torch.no_grad()
def test_lost_frames_have_a_weight_of_their_own(batch, tiny_model):
    observed = torch.tensor([[True, False, True], [True, True, True]])
    frames = dataclasses.replace(batch.condition.frames, observed=observed)
    condition = dataclasses.replace(batch.condition, frames=frames)
    batch = dataclasses.replace(batch, condition=condition)
    plain = batch_loss(tiny_model, batch).error
    heavy = batch_loss(tiny_model, batch, LossWeights(lost=3.0)).error
    error = weighted_error(tiny_model, batch) ** 2
    lost = (error * ~observed[..., None, None]).mean((1, 2, 3))
    torch.testing.assert_close(heavy - plain, 2 * lost)
    assert float(lost[0]) > 0
    assert float(lost[1]) == 0


@torch.no_grad()
def test_prior_error_is_the_loss_of_doing_nothing(dataset, config, tiny_model):
    batch = BatchSource(dataset, config).draw(1)
    spread = tiny_model.prior(batch.condition).spread
    nothing = torch.where(
        batch.condition.frames.observed[..., None, None],
        batch.condition.frames.noisy,
        torch.tensor(tiny_model.config.intensity_mean),
    )
    expected = (((nothing - batch.clean) / spread) ** 2).mean((1, 2, 3))
    found = batch_loss(tiny_model, batch)
    torch.testing.assert_close(found.prior_error, expected)
    torch.testing.assert_close(found.balanced(), (found.error / (expected + 0.02)).sum())
