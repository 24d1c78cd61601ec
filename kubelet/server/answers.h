// The routes of the local socket: a request's target and the agent's view give an answer. No I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kubelet/server/agent_view.h"
#include "kubelet/web/target.h"

namespace cubelet::server {

struct Answer {
  int status = 200;
  std::string contentType = "application/json";
  std::string body;
};

// Errors are one line of text for people.
Answer textAnswer(int status, std::string message);

//   GET /pods[?namespace=N][&name=N]  PodList
//   GET /events                       List of Events, the most recently seen last
//   GET /explain?pod=NS/NAME          see Explanation
//   GET /status                       see AgentStatus, with the number of pods by phase
//   GET /version, /healthz
Answer answerGet(AgentView& view, const web::Target& target);

// What a request for a stream asks for; nothing: it is for something else.
//   GET /exec?pod=NS/NAME&container=C&command=WORD&command=WORD&stdin=1&stdout=1&stderr=1&tty=1
//   GET /attach?pod=NS/NAME&container=C&stdin=1&stdout=1&stderr=1
//   GET /portforward?pod=NS/NAME
std::optional<StreamRequest> streamAsked(const web::Target& target);
// {"address":"127.0.0.1","port":4711,"path":"/exec/..."}: whoever asked goes there itself, so that no byte of the
// stream passes through the agent, and its end does not end the stream.
Answer streamAnswer(const Result<StreamPlace>& place);

// GET /volumes/check[?repair=true]: see VolumeCheck.
bool isVolumeCheck(const web::Target& target);
Answer checkAnswer(const Result<VolumeCheck>& check);
//   GET /stats  CPU and memory of node and pods at the moment: what /stats/summary?only_cpu_and_memory=true of the
//               node's HTTPS server answers
bool isStats(const web::Target& target);
Answer statsAnswer(const Result<std::string>& usage);

// GET /pods?watch=true[&namespace=N] does not end: first every pod, then each change of one; see PodWatch.
bool isWatch(const web::Target& target);

// GET /events?follow=true does not end: first every event that is kept, then each one as it comes, a JSON object a
// line.
bool isFollow(const web::Target& target);
std::string eventLine(const core::Event& event);

}  // namespace cubelet::server
