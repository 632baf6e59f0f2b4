import { contract as loading } from "../suites/TypedCacheLoadingSuite.js"
import { contract as tags } from "../suites/TypedCacheTagsSuite.js"
import { contract as writing } from "../suites/TypedCacheWritingSuite.js"
import { onEveryLayer } from "../support/layers.js"

onEveryLayer((it) => {
  loading(it)
  tags(it)
  writing(it)
})
