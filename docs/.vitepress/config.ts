/**
 * The documentation site. `bun run docs` builds it into docs/.vitepress/dist, without the network, and the site that it builds
 * asks no other host for anything: its fonts and its search index are files of its own.
 */
import { defineConfig } from "vitepress"
import { anchorOf } from "../../scripts/docs/markdown/headings.js"
import { repository } from "../../scripts/docs/packageManifest.js"
import { repositoryLinks } from "./repositoryLinks.js"
import { api, guide } from "./sidebar.js"

export default defineConfig({
  title: "effect-cache-toolkit",
  description: "A typed cache, a Redis client layer and coordination for Effect applications",
  lang: "en",
  lastUpdated: false,
  rewrites: {
    "benchmarks/README.md": "benchmarks/index.md",
    "decisions/README.md": "decisions/index.md",
    "reference/options/README.md": "reference/options/index.md"
  },
  head: [["link", { rel: "icon", type: "image/svg+xml", href: "/logo.svg" }]],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark" },
    // GitHub knows neither attributes in braces nor the full set of emoji
    attrs: { disable: true },
    emoji: { enabled: [] },
    anchor: { slugify: anchorOf },
    config: repositoryLinks
  },
  transformPageData: ({ frontmatter, relativePath }) =>
    relativePath.startsWith("reference/options/") ? { frontmatter: { ...frontmatter, pageClass: "options" } } : {},
  // the sidebar of the API would fetch a hundred pages for a reader of one
  router: { prefetchLinks: false },
  // the index of the search is one file, loaded when the search opens
  vite: { build: { chunkSizeWarningLimit: 5000 } },
  themeConfig: {
    logo: "/logo.svg",
    search: {
      provider: "local",
      options: {
        miniSearch: {
          // a page that explains a word stands above the many declarations that use it
          searchOptions: { boostDocument: (id: string) => (id.startsWith("/reference/api/") ? 0.2 : 1) }
        }
      }
    },
    outline: { level: [2, 3] },
    socialLinks: [{ icon: "github", link: repository }],
    externalLinkIcon: false,
    nav: [
      { text: "Guide", link: "/start", activeMatch: "^/(?!reference/)" },
      { text: "Options", link: "/reference/options/", activeMatch: "^/reference/options/" },
      { text: "API", link: "/reference/api/", activeMatch: "^/reference/api/" }
    ],
    sidebar: { "/": [...guide], "/reference/api/": [...api()] }
  }
})
