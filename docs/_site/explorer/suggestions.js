/** The PatchGANs that come nearest to a receptive field, as ganblocks suggests them. */

import { analyzed } from "./field.js";
import { channelsOf, leastSide, patchLayers, range, times } from "./layers.js";

/** Smallest side of an image for which a PatchDiscriminator works. */
export const leastSideOfPatch = (nLayers, kernel) =>
  leastSide(patchLayers(nLayers, kernel), 0, (i) => i > 0 && i <= nLayers);

/** A PatchGAN, what its logits see, and what it costs. */
function suggestion(nLayers, kernel, image) {
  const layers = patchLayers(nLayers, kernel), channels = channelsOf(layers);
  const field = analyzed(layers, image);
  let parameters = 0, work = 0;
  field.rows.forEach(({ grid }, i) => {
    const weights = channels[i] * channels[i + 1] * kernel * kernel;
    const hasNorm = i > 0 && i < layers.length - 1; // which has two numbers a channel, a bias one
    parameters += weights + channels[i + 1] * (hasNorm ? 2 : 1);
    work += weights * grid[0] * grid[1];
  });
  return { nLayers, kernel, ...field, parameters, work };
}

/** What ganblocks.suggest_patch_discriminator lists, in its order. */
export function suggestions(want, image, count = 5) {
  const found = [3, 4, 5].flatMap((kernel) => range(8).map((n) => n + 1)
    .filter((nLayers) => leastSideOfPatch(nLayers, kernel) <= Math.min(...image))
    .map((nLayers) => suggestion(nLayers, kernel, image)));
  const off = (one) => Math.abs(one.size[0] - want);
  return found.sort((a, b) => off(a) - off(b) || a.parameters - b.parameters).slice(0, count);
}

export function paddingSaid({ atPadding, grid }) {
  const count = grid[0] * grid[1];
  return atPadding < count ? `${atPadding} of ${count} logits look at padding`
    : "every logit looks at padding";
}

export const suggestionSaid = (one) =>
  `n_layers=${one.nLayers}, kernel_size=${one.kernel}: sees ${times(one.size)}, ` +
  `stride ${one.stride[0]}, ${times(one.grid)} logits, ` +
  `${(one.parameters / 1e6).toFixed(2)} M parameters, ` +
  `${(one.work / 1e9).toFixed(2)} G multiply-adds; ${paddingSaid(one)}`;

export const noSuggestionSaid = (side) =>
  `image_size is ${side}: too small for any PatchDiscriminator. ` +
  "PixelDiscriminator judges single pixels";
