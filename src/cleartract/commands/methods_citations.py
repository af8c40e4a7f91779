"""What a paper cites that says how a result of ClearTract was made, in BibTeX."""

SOFTWARE = """@software{{cleartract,
  title = {{ClearTract: denoising real-time MRI video of speech with a diffusion model
    conditioned on the sound}},
  author = {{{{The ClearTract developers}}}},
  version = {{{version}}},
  year = {{2026}}
}}"""
DIFFUSION = """@inproceedings{karras2022,
  title = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {35},
  year = {2022}
}"""
RICIAN = """@article{gudbjartsson1995,
  title = {The Rician Distribution of Noisy {MRI} Data},
  author = {Gudbjartsson, H{\\'a}kon and Patz, Samuel},
  journal = {Magnetic Resonance in Medicine},
  volume = {34},
  pages = {910--914},
  year = {1995}
}"""
