// What this machine can do at most: floating-point operations a second in registers, bytes a second through a triad.
// usage: limits f32|f64 THREADS; prints FLOP/s, bytes/s from memory, bytes/s from cache
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kChains = 12;  // enough independent ones to hide the latency of an FMA, few enough for 16 registers
constexpr int kRuns = 60;  // short ones: the shortest was not disturbed by other processes
constexpr long kSteps = 400'000;
constexpr std::size_t kMemoryBytes = std::size_t(3) << 26;  // of the three arrays of a triad, all threads together
constexpr std::size_t kCacheBytes = std::size_t(3) << 20;
constexpr std::size_t kMovedBytes = std::size_t(3) << 26;  // in one run

// The shortest time of several runs of `work(thread)` by all threads at once, in seconds.
template <class Prepare>
double shortest(int threads, Prepare prepare) {
    std::barrier gate(threads);
    std::vector<double> best(threads, 1e30);
    auto body = [&](int me) {
        auto work = prepare(me);
        work();
        for (int run = 0; run < kRuns; ++run) {
            gate.arrive_and_wait();
            const auto start = std::chrono::steady_clock::now();
            work();
            gate.arrive_and_wait();
            best[me] = std::min(best[me], std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
    };
    std::vector<std::thread> others;
    for (int k = 1; k < threads; ++k) others.emplace_back(body, k);
    body(0);
    for (auto& other : others) other.join();
    return best[0];
}

template <class T>
double operations(int threads) {
    typedef T Vector __attribute__((vector_size(kBytes)));
    std::vector<double> sink(threads);
    const double seconds = shortest(threads, [&](int me) {
        return [&sink, me] {
            Vector sums[kChains], factor = Vector{} + T(0.999), term = Vector{} + T(0.001);
            for (int k = 0; k < kChains; ++k) sums[k] = Vector{} + T(k);
            asm volatile("" : "+m"(factor), "+m"(term));
            for (long step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
                for (int k = 0; k < kChains; ++k) sums[k] = sums[k] * factor + term;
            }
            for (int k = 0; k < kChains; ++k) sink[me] += double(sums[k][0]);
        };
    });
    volatile double keep = sink[0];
    (void)keep;
    return 2.0 * threads * kSteps * kChains * (kBytes / sizeof(T)) / seconds;
}

template <class T>
double bandwidth(int threads, std::size_t bytes) {
    const std::size_t entries = bytes / 3 / sizeof(T) / threads;
    const std::size_t repeats = std::max<std::size_t>(1, kMovedBytes / bytes);
    const double seconds = shortest(threads, [&](int) {
        return [a = std::vector<T>(entries), b = std::vector<T>(entries, T(1)), c = std::vector<T>(entries, T(2)), entries,
                repeats]() mutable {
            for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
                T *__restrict target = a.data();
                const T *left = b.data(), *right = c.data();
                for (std::size_t k = 0; k < entries; ++k) target[k] = left[k] + T(3) * right[k];
                asm volatile("" : : "r"(target) : "memory");
            }
        };
    });
    return 3.0 * sizeof(T) * entries * threads * repeats / seconds;
}

template <class T>
void report(int threads) {
    std::printf("%.6e %.6e %.6e\n", operations<T>(threads), bandwidth<T>(threads, kMemoryBytes),
                bandwidth<T>(threads, kCacheBytes));
}

int main(int count, char** words) {
    if (count != 3 || std::atoi(words[2]) < 1) return 2;
    const int threads = std::atoi(words[2]);
    std::strcmp(words[1], "f64") == 0 ? report<double>(threads) : report<float>(threads);
}
