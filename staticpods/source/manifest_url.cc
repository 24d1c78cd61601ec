#include "staticpods/source/manifest_url.h"

#include <utility>

#include "staticpods/manifest/manifest.h"

namespace cubelet::staticpods {

ManifestUrl::ManifestUrl(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnPodSet onChange)
    : clock_(clock),
      options_(std::move(options)),
      delivery_(std::move(onChange)),
      http_(loop, clock),
      records_(pool, clock, options_.stateDirectory, {options_.nodeName, Source::kHttp, {}, options_.references}) {}

Task<void> ManifestUrl::run() {
  co_await records_.restore(&set_);
  // A record of another URL, from before the configuration changed.
  for (const std::string& file : set_.files())
    if (file != options_.url) set_.gone(file);
  for (;;) {
    co_await fetch();
    delivery_.deliver(set_, clock_.wallNow());
    co_await records_.save(&set_);
    co_await clock_.sleep(options_.httpCheckFrequency);
  }
}

Task<void> ManifestUrl::fetch() {
  HttpRequest request{.url = options_.url, .headers = options_.headers, .timeout = options_.timeout};
  Result<std::string> text = co_await http_.get(request);
  if (text)
    take(std::move(*text));
  else
    set_.bad(options_.url, {text.error().message}, clock_.wallNow());
}

void ManifestUrl::take(std::string text) {
  const ManifestOptions options{options_.nodeName, Source::kHttp, clock_.wallNow(), options_.references};
  Manifest manifest = parseManifest(options_.url, text, options);
  if (manifest.valid())
    set_.good(options_.url, std::move(text), std::move(manifest.pods), clock_.wallNow());
  else
    set_.bad(options_.url, manifest.problemTexts(options_.url), clock_.wallNow());
}

}  // namespace cubelet::staticpods
