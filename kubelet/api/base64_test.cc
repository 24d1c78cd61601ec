#include "kubelet/api/base64.h"

#include <gtest/gtest.h>

namespace cubelet::api {
namespace {

TEST(Base64, EncodesAsRfc4648) {
  EXPECT_EQ(encodeBase64(""), "");
  EXPECT_EQ(encodeBase64("f"), "Zg==");
  EXPECT_EQ(encodeBase64("fo"), "Zm8=");
  EXPECT_EQ(encodeBase64("foo"), "Zm9v");
  EXPECT_EQ(encodeBase64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encodeBase64("\xff\xfe\xfd"), "//79");
}

TEST(Base64, DecodesWhatItEncodes) {
  std::string bytes;
  for (int i = 0; i < 600; ++i) {
    EXPECT_EQ(decodeBase64(encodeBase64(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64, SkipsLineBreaks) {
  EXPECT_EQ(decodeBase64("Zm9v\nYmFy\r\n"), "foobar");
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* text :
       {"Zg", "Zg=", "Z", "Z===", "====", "=", "Zg==Zg==", "Zm8==", "Zm9v=", "Zm 9", "Zm9_", "Zm9v!"})
    EXPECT_EQ(decodeBase64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace cubelet::api
