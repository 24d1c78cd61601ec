// Standard base64 with padding (RFC 4648 section 4), as JSON carries bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cubelet::api {

std::string encodeBase64(std::string_view bytes);

// Line breaks are skipped. Nothing when the text is not base64, also when the padding is missing.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace cubelet::api
