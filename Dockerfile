# docker build -t cleartract .
# With --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu it is small, for CPUs alone.
# docker run --rm -v "$PWD:/data" cleartract denoise speech.mp4
FROM python:3.11-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/cleartract \
    && /opt/cleartract/bin/python -m pip install --no-cache-dir --constraint constraints.txt '.[app,formats,evaluate]'

FROM python:3.11-slim-bookworm
COPY --from=build /opt/cleartract /opt/cleartract
RUN useradd --create-home --uid 1000 user && mkdir /data && chown user /data
USER 1000
WORKDIR /data
ENV PATH=/opt/cleartract/bin:$PATH
ENTRYPOINT ["cleartract"]
CMD ["--help"]
