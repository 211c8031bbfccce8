// The recipes as text: what each builds, what it minimises, and what its tutorial is known to get wrong.
export const RECIPES = [
  {
    name: "default",
    title: "Ours",
    net: "MLP, deep for a small z and wide for a large one; at most 2.5 M weights",
    loss: "L = −Σ [x log x̂ + (1 − x) log(1 − x̂)] + KL",
    train: "one-cycle rate, gradients clipped",
    trap: "Deep nets diverge at this rate unless gradients are clipped.",
  },
  {
    name: "tutorial",
    title: "The classic",
    net: "MLP 784–400–z, ReLU (Kingma & Welling 2014, and PyTorch’s own example)",
    loss: "L = −Σ [x log x̂ + (1 − x) log(1 − x̂)] + KL,  beta = 1",
    train: "Adam 1e-3, batch 100, 5 epochs",
    trap: "Summed per image, not averaged over pixels: an average makes the KL 784 times too heavy.",
  },
  {
    name: "conv",
    title: "Small and convolutional",
    net: "conv 16–16–pool–32–pool, dense 32; transposed convolutions back from 7 × 7 × 32",
    loss: "L = −Σ [x log x̂ + (1 − x) log(1 − x̂)] + 0.392 · KL",
    train: "Adam 1e-3, batch 256, 10 epochs",
    trap: "The original averaged over 784 pixels and weighted the KL by 5e-4: the same as beta = 0.392 on the sum.",
  },
  {
    name: "fashion-mse",
    title: "Squared error, summed",
    net: "MLP 784–400–20",
    loss: "L = Σ (x − x̂)² + KL",
    train: "Adam 1e-3, batch 128, 10 epochs",
    trap: "Its nats are of a Gaussian with variance ½: compare it with others by bce and mse, never by recon.",
  },
  {
    name: "beta-mse",
    title: "Squared error, averaged",
    net: "MLP 784–128–z",
    loss: "L = (1/D) Σ (x − x̂)² + 0.001 · KL",
    train: "Adam 2e-3, batch 128, 100 epochs",
    trap: "Averaged and weighted by 0.001 is a Gaussian with variance D · beta / 2 = 0.392, not a free choice.",
  },
];

export const FLAGS = [
  ["ae", "a plain autoencoder: z = mu, no KL; its latent space breaks up"],
  ["cond", "conditional (CVAE): the label goes in beside x and z"],
  ["beta", "beta-VAE: the KL weighs beta"],
  ["tc", "beta-TCVAE: beta weighs only the total correlation"],
  ["sigma", "sigma-VAE: the decoder’s variance is learned, which sets beta by itself"],
];

export const TRAPS = [
  "Noise is standard normal: randn, not rand.",
  "Mean and log-variance must not change places.",
  "The test loader loads the test set.",
  "std = exp(logvar / 2).",
  "Squared error summed is not squared error averaged.",
  "Codes on a map are the means, not samples.",
];

export const WORDS = {
  elbo: "evidence lower bound, −(recon + kl)",
  recon: "reconstruction, minus E log p(x|z)",
  kl: "KL(q(z|x) || N(0, I))",
  bce: "binary cross-entropy at the mean, for comparison across likelihoods",
  mse: "squared error at the mean, summed per image, for comparison across likelihoods",
  log_likelihood: "log p(x) by importance sampling",
  active_units: "dimensions of z that are used: variance of mu above 0.01",
  knn_accuracy: "15 nearest training codes naming a test code",
  trustworthiness: "neighbours on the default chart that are neighbours in the images",
  continuity: "neighbours in the images that stay neighbours on the chart",
  parameters: "weights and biases",
  seconds: "training time",
};
