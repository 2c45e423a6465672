# Refmill's one binary. The builder brings what the workspace compiles from C: OpenSSL and librdkafka (make, perl, gcc, g++,
# zlib), SQLite (gcc) and jemalloc (gcc, make). What runs has neither compiler nor root.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends g++ gcc libc6-dev make perl pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release -p refmill && cp target/release/refmill /usr/local/bin/refmill

FROM debian:bookworm-slim
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends ca-certificates zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home refmill \
    && install -d -o refmill -g refmill -m 700 /var/lib/refmill
COPY --from=build /usr/local/bin/refmill /usr/local/bin/refmill
USER refmill
# glibc, which Kafka's client allocates with, would give large buffers back to the system and take them again at once.
ENV GLIBC_TUNABLES=glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=268435456
ENV REFMILL_DATA_DIR=/var/lib/refmill REFMILL_LISTEN=0.0.0.0:8080 REFMILL_METRICS_LISTEN=0.0.0.0:9090 REFMILL_LOG_FORMAT=json
VOLUME /var/lib/refmill
EXPOSE 8080 9090
# It drains on SIGTERM within 10 s: give it more than that before it is killed.
STOPSIGNAL SIGTERM
ENTRYPOINT ["refmill"]
CMD ["up"]
