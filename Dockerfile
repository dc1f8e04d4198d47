# The guard as one static file on nothing: no shell, no libraries, no user but its own.
#
#   docker build -t REGISTRY/tidegate:0.1.0 .
#
# Static with glibc, not musl: musl's allocator is slow under several threads, and the guard resolves no names, which is
# what a static glibc cannot do.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --locked --release --target x86_64-unknown-linux-gnu --bin tidegate

FROM scratch
COPY --from=build /src/target/x86_64-unknown-linux-gnu/release/tidegate /tidegate
USER 65532:65532
ENTRYPOINT ["/tidegate"]
