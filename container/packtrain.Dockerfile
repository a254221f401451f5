# Server, worker and migrations: one image, three commands.
#
#   docker build -f container/packtrain.Dockerfile -t packtrain .
#
# Where a build reaches no package index, `--build-context wheelhouse=DIR` hands in a folder with the wheels of
# requirements.lock; they must have its hashes all the same.
FROM scratch AS wheelhouse

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_QUIET=1
RUN python3 -m venv /opt/packtrain
WORKDIR /source
# The lock is of everything, the tools of development too: all is fetched by hash, and what packtrain needs is installed.
COPY requirements.lock ./
RUN --mount=type=bind,from=wheelhouse,target=/wheelhouse \
    if [ -n "$(ls -A /wheelhouse)" ]; then export PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheelhouse; fi && \
    /opt/packtrain/bin/pip download --require-hashes --only-binary :all: --dest /wheels -r requirements.lock
COPY . .
RUN /opt/packtrain/bin/pip install --no-index --find-links /wheels ".[service]" && \
    mkdir /opt/packtrain/service && \
    cp -r migrations ops server templates tuning worker pyproject.toml /opt/packtrain/service

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 2000 --home-dir /var/lib/packtrain --shell /usr/sbin/nologin packtrain && \
    install -d -o packtrain -g packtrain -m 750 /var/lib/packtrain
COPY --from=build /opt/packtrain /opt/packtrain
ENV PATH=/opt/packtrain/bin:$PATH PYTHONPATH=/opt/packtrain/service PYTHONUNBUFFERED=1 \
    PACKTRAIN_CLUSTERS_FILE=/etc/packtrain/clusters.toml PACKTRAIN_DATA_DIR=/var/lib/packtrain PACKTRAIN_HOST=0.0.0.0
USER packtrain
WORKDIR /var/lib/packtrain
EXPOSE 8421
CMD ["packtrain", "serve"]
