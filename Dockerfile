# The service on a CPU: docs/service.md says how to build it, run it, and put it behind a reverse proxy.
FROM python:3.13-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/venv
WORKDIR /source
COPY requirements.lock pyproject.toml README.md LICENSE LICENSE-WEIGHTS ./
COPY src src
RUN /opt/venv/bin/pip install --prefer-binary --constraint requirements.lock '.[serve,eval,heif]'

FROM python:3.13-slim

# By its number, which is known before the image is built, and from which it can be seen that it is not root.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp spikefill
COPY --from=build /opt/venv /opt/venv
# What is written goes to /tmp, the one place that has to be writable.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    GRADIO_TEMP_DIR=/tmp/gradio \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/kernels \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# The kernels are compiled for the processor that builds the image. Numba takes them from a folder that it can write to
# alone: they are copied to one at the start.
RUN NUMBA_CACHE_DIR=/opt/kernels python -c 'from spikefill.batch import ModelChoice; \
from spikefill.models import DEFAULT; from spikefill.service.toolbox import warm_up; \
warm_up(ModelChoice(DEFAULT).load())' \
    && chmod -R a+rX /opt/kernels && rm -rf /tmp/*

USER 10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --start-period=2m --interval=15s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["sh", "-c", "cp -r /opt/kernels /tmp && exec spikefill \"$@\"", "spikefill"]
CMD ["serve", "--host", "0.0.0.0", "--token-file", "/run/secrets/token"]
