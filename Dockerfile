# The tags say which versions these are; the digests decide which images are used.
FROM oven/bun:1.4.2@sha256:9114c058aeae42162ee16dd5084b95fe9473970bb6bcb5b232ab1630f0546895 AS build
WORKDIR /app
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile
COPY src ./src
# Bun of the lockfile, with which the tests run, builds the server and runs it.
# One file holds everything that the server needs: the image below has no node_modules. Its bytecode saves a fourth of the start.
RUN node_modules/.bin/bun build src/main.ts --target=bun --bytecode --minify-syntax --minify-whitespace --sourcemap=linked --outdir=dist

FROM oven/bun:1.4.2-slim@sha256:cb3bbbb08e13a4a2ff400f24c7a2a1d5efa83f6ef8544d52d95a519631e2fc61
WORKDIR /app
COPY --from=build /app/node_modules/bun/bin/bun.exe /usr/local/bin/bun
COPY --from=build /app/dist ./
# the dashboard's page, which the server reads beside its bundle
COPY --from=build /app/src/http/dashboard/assets ./assets
# a named volume that is mounted here takes over this owner
RUN mkdir /data && chown bun:bun /data
USER bun
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATABASE_URL=sqlite:/data/toolkit.db
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["bun", "-e", "const { ok } = await fetch(`http://127.0.0.1:${process.env.PORT}/api/health`); process.exit(ok ? 0 : 1)"]
# without a shell in between, so that SIGTERM reaches the server and it answers what is in flight
CMD ["bun", "main.js"]
